"""Copy the marts into the two published files, whole tables at a time and inside DuckDB.

``leadrelay.duckdb`` holds every mart without direct personal data; ``leadrelay_people.duckdb`` (mode 0600) holds, whole, each mart
that had some. Only tables: a view carries the old catalog's name and breaks. The storage version is pinned so that BI tools with
an older DuckDB open the files; the file name never changes and is never a schema's name, since it is the catalog's name.
What does not belong here: where the files go afterwards (`versions`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from orchestration.errors import PublishError
from orchestration.publish.policy import PublishedTable
from orchestration.publish.privacy import install_hmac, published_expression
from orchestration.sql import quote_identifier, quote_literal

MARTS_FILE = "leadrelay.duckdb"
PEOPLE_FILE = "leadrelay_people.duckdb"
SCHEMA = "marts"
# What DuckDB 1.0 and every later one can read; the oldest driver among common BI tools is newer than that.
STORAGE_VERSION = "v1.0.0"
_OWNER_ONLY = 0o600
_FOR_READERS = 0o644


def build_files(warehouse: Path, folder: Path, tables: Sequence[PublishedTable], key: bytes) -> dict[str, int]:
    """Write both published files.

    Parameters
    ----------
    warehouse
        The warehouse file; nobody else may be writing to it.
    folder
        Where the files are made; it must be closed to other users until it is published.
    tables
        What to publish.
    key
        Key of `hmac` columns.

    Returns
    -------
    dict
        Rows of each table.

    Raises
    ------
    PublishError
        If the warehouse lacks a table, or a column's type or declaration does not fit its policy; all are named.
    """
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {quote_literal(str(warehouse))} as warehouse (read_only)")
        types = _column_types(connection)
        _check_tables(tables, types)
        install_hmac(connection, key)
        rows = _write(connection, folder / MARTS_FILE, tables, types)
        people = [table for table in tables if table.holds_personal_data]
        _write(connection, folder / PEOPLE_FILE, people, None)
    (folder / PEOPLE_FILE).chmod(_OWNER_ONLY)
    (folder / MARTS_FILE).chmod(_FOR_READERS)
    leftovers = sorted(path.name for path in folder.glob("*.wal"))
    if leftovers:
        raise PublishError(f"DuckDB left {', '.join(leftovers)} behind after a checkpoint; nothing was published")
    return rows


def _column_types(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], dict[str, str]]:
    types: dict[tuple[str, str], dict[str, str]] = {}
    query = """
        select schema_name, table_name, column_name, data_type
        from duckdb_columns()
        where database_name = 'warehouse'
        order by schema_name, table_name, column_index
    """
    for schema, table, column, data_type in connection.execute(query).fetchall():
        types.setdefault((schema, table), {})[column] = data_type
    return types


def _check_tables(tables: Sequence[PublishedTable], types: Mapping[tuple[str, str], Mapping[str, str]]) -> None:
    problems: list[str] = []
    for table in tables:
        columns = types.get((table.schema, table.name))
        if columns is None:
            problems.append(f"{table.schema}.{table.name}: not in the warehouse; run the nightly job first")
            continue
        declared = {column.name for column in table.columns}
        problems += [
            f"{table.name}.{name}: meta.pii is missing, since the yml does not declare it"
            for name in columns.keys() - declared
        ]
        problems += [f"{table.name}.{name}: declared, but not in the table" for name in declared - columns.keys()]
        for column in table.columns:
            try:
                published_expression(column.name, column.policy, columns.get(column.name, "VARCHAR"))
            except ValueError as error:
                problems.append(f"{table.name}.{column.name}: {error}")
    if problems:
        raise PublishError("the marts do not fit their yml; nothing was published:\n  " + "\n  ".join(sorted(problems)))


def _write(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    tables: Sequence[PublishedTable],
    types: Mapping[tuple[str, str], Mapping[str, str]] | None,
) -> dict[str, int]:
    """Write one file: with the policy applied when ``types`` is given, whole otherwise."""
    rows: dict[str, int] = {}
    connection.execute(
        f"attach {quote_literal(str(path))} as target (storage_version {quote_literal(STORAGE_VERSION)})"
    )
    connection.execute(f"create schema target.{quote_identifier(SCHEMA)}")
    for table in tables:
        target = f"target.{quote_identifier(SCHEMA)}.{quote_identifier(table.name)}"
        source = f"warehouse.{quote_identifier(table.schema)}.{quote_identifier(table.name)}"
        columns = "*" if types is None else _select_list(table, types[table.schema, table.name])
        created = connection.execute(
            f"create table {target} as select {columns} from {source} as source {_layout(table)}"
        ).fetchone()
        rows[table.name] = int(created[0]) if created else 0
        _describe(connection, target, table, with_dropped=types is None)
    connection.execute("checkpoint target")
    connection.execute("detach target")
    return rows


def _layout(table: PublishedTable) -> str:
    """Return the order of a table's rows: DuckDB keeps the least and largest value of each row group and skips those that a filter excludes."""
    if not table.cluster_by:
        return ""
    columns = dict.fromkeys((*table.cluster_by, *table.key))
    return "order by " + ", ".join(f"source.{quote_identifier(column)}" for column in columns)


def _select_list(table: PublishedTable, types: Mapping[str, str]) -> str:
    expressions = (published_expression(column.name, column.policy, types[column.name]) for column in table.columns)
    return ", ".join(expression for expression in expressions if expression is not None)


def _describe(connection: duckdb.DuckDBPyConnection, target: str, table: PublishedTable, *, with_dropped: bool) -> None:
    """Carry the yml's descriptions over as comments, which BI tools show beside the fields."""
    statements = [f"comment on table {target} is {quote_literal(table.description)}"]
    statements += [
        f"comment on column {target}.{quote_identifier(column.name)} is {quote_literal(column.description)}"
        for column in table.columns
        if column.description and (with_dropped or column.policy != "drop")
    ]
    connection.execute(";".join(statements))
