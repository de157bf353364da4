"""What the published version says of the ledger, copied into the warehouse before dbt starts.

`fct_lifecycle_revision` says which published rows a night changes. What was published is read from the published file itself: so a night
that did not publish leaves no trace, and a warehouse that is built anew forgets nothing.
"""

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.ingest.warehouse import OPS_TABLES
from orchestration.publish.build import MARTS_FILE
from orchestration.publish.versions import current_version, read_manifest
from orchestration.sql import quote_identifier, quote_literal

_COPIES = {"published_ledger": "fct_lifecycle_transition", "published_revisions": "fct_lifecycle_revision"}


def remember_published(connection: duckdb.DuckDBPyConnection, published_dir: Path) -> datetime | None:
    """Copy the published ledger and its revisions into ``ops``.

    Parameters
    ----------
    connection
        The warehouse, prepared.
    published_dir
        The folder with the link ``current``.

    Returns
    -------
    datetime or None
        As_of of what is published, UTC without zone; None before the first publish, and then the tables are empty.
    """
    folder, manifest = current_version(published_dir), read_manifest(published_dir)
    as_of = None
    if folder is not None and manifest and manifest.get("as_of"):
        as_of = datetime.fromisoformat(manifest["as_of"])
        if as_of.tzinfo is not None:
            as_of = as_of.astimezone(UTC).replace(tzinfo=None)
    copy_published(connection, folder / MARTS_FILE if folder is not None else None, as_of)
    return as_of


def copy_published(connection: duckdb.DuckDBPyConnection, marts_file: Path | None, as_of: datetime | None) -> None:
    """Make ``ops.published_*`` what ``marts_file`` says.

    Parameters
    ----------
    connection
        The warehouse, prepared.
    marts_file
        A DuckDB file with schema ``marts``; None for nothing. A table or column that it lacks (an older version published it) is empty.
    as_of
        What it looks back from, UTC without zone; None for nothing published.
    """
    connection.execute("begin")
    for name in ("published_night", *_COPIES):
        connection.execute(f"delete from ops.{name}")
    connection.execute("commit")
    if marts_file is None or as_of is None:
        return
    connection.execute(f"attach {quote_literal(str(marts_file))} as published_before (read_only)")
    try:
        connection.execute("begin")
        for name, mart in _COPIES.items():
            there = {
                row[0]
                for row in connection.execute(
                    "select column_name from duckdb_columns() where database_name = 'published_before' "
                    "and schema_name = 'marts' and table_name = ?",
                    [mart],
                ).fetchall()
            }
            columns = ", ".join(quote_identifier(column) for column, _ in OPS_TABLES[name] if column in there)
            if columns:
                connection.execute(
                    f"insert into ops.{name} by name select {columns} from published_before.marts.{quote_identifier(mart)}"
                )
        connection.execute("insert into ops.published_night values (?)", [as_of])
        connection.execute("commit")
    finally:
        connection.execute("detach published_before")
