"""Published versions without a person: each file copied anew without the rows that name them, inside DuckDB.

A version keeps its name and its figures; only rows go. What is current is put in place under a name of its own and the link moved, so
that a reader sees the one or the other. What does not belong here: publishing (`orchestration.publish`).
"""

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.erase.values import ERASED, Sought
from orchestration.publish.build import MARTS_FILE, PEOPLE_FILE, STORAGE_VERSION
from orchestration.publish.versions import MANIFEST_FILE, replace_version
from orchestration.sql import quote_identifier, quote_literal

# The deal is the company's; only whose it was goes.
_CELL_ONLY = frozenset({("fct_opportunity", "person_id")})
_REPLACEMENT = f"\\1{ERASED}\\2"


@dataclass(frozen=True)
class CleanedVersion:
    """What was taken out of one version: rows by table, and the name under which it stands now."""

    version: str
    rows: Mapping[str, int]


def clean_versions(published_dir: Path, names: Collection[str], sought: Sought) -> list[CleanedVersion]:
    """Take a person out of every published version that holds them.

    Parameters
    ----------
    published_dir
        ``published/`` of the home.
    names
        Ids and keyed hashes; a row with one of them in any cell goes.
    sought
        Distinctive values; a row with one as a cell goes, and inside a longer text it is replaced.

    Returns
    -------
    list of CleanedVersion
        Those that were written anew.
    """
    done = []
    folders = sorted(path.parent for path in (published_dir / "versions").glob(f"*/{MANIFEST_FILE}"))
    for folder in folders:
        if folder.name.startswith("."):
            continue
        with replace_version(published_dir, folder) as target:
            rows: dict[str, int] = {}
            for file in (MARTS_FILE, PEOPLE_FILE):
                for table, count in _copy_without(folder / file, target / file, names, sought).items():
                    rows[table] = rows.get(table, 0) + count
            for file in (MARTS_FILE, PEOPLE_FILE):
                (target / file).chmod((folder / file).stat().st_mode & 0o777)
            if not any(rows.values()):
                shutil.rmtree(target)
                continue
            # It holds figures alone, which the version keeps as they were.
            for path in folder.glob("report*"):
                shutil.copy(path, target / path.name)
            manifest = _manifest(folder, target)
        done.append(CleanedVersion(str(manifest["version"]), {table: count for table, count in rows.items() if count}))
    return done


def _manifest(folder: Path, target: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    manifest["version"] = target.name.removeprefix(".tmp-")
    for file in (MARTS_FILE, PEOPLE_FILE):
        path = target / file
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        manifest["files"][file] = {"sha256": digest, "bytes": path.stat().st_size}
    with duckdb.connect(str(target / MARTS_FILE), read_only=True) as connection:
        for table in manifest["tables"]:
            row = connection.execute(f"select count(*) from marts.{quote_identifier(table)}").fetchone()
            manifest["tables"][table] = int(row[0]) if row else 0
    (target / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return manifest


def _copy_without(source: Path, target: Path, names: Collection[str], sought: Sought) -> dict[str, int]:
    """Copy one file; return by table the rows that were left out or changed."""
    touched: dict[str, int] = {}
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {quote_literal(str(source))} as old (read_only)")
        connection.execute(
            f"attach {quote_literal(str(target))} as new (storage_version {quote_literal(STORAGE_VERSION)})"
        )
        connection.execute("create temp table names as select unnest(?::varchar[]) as name", [sorted(names)])
        tables = connection.execute(
            "select schema_name, table_name, comment from duckdb_tables() where database_name = 'old' order by all"
        ).fetchall()
        for schema, table, comment in tables:
            connection.execute(f"create schema if not exists new.{quote_identifier(schema)}")
            columns = connection.execute(
                "select column_name, data_type, comment from duckdb_columns() where database_name = 'old' and schema_name = ? "
                "and table_name = ? order by column_index",
                [schema, table],
            ).fetchall()
            where = f"{quote_identifier(schema)}.{quote_identifier(table)}"
            count = _copy_table(connection, table, where, [(name, kind) for name, kind, _ in columns], sought)
            touched[table] = touched.get(table, 0) + count
            _comment(connection, where, comment, [(name, text) for name, _, text in columns])
        connection.execute("checkpoint new")
        connection.execute("detach new")
    return touched


def _copy_table(
    connection: duckdb.DuckDBPyConnection, table: str, where: str, columns: Sequence[tuple[str, str]], sought: Sought
) -> int:
    values = f"({', '.join(quote_literal(value.text.strip().lower()) for value in sought.values) or repr('')})"
    conditions, cells = [], []
    for column, kind in columns:
        name = quote_identifier(column)
        if kind == "VARCHAR":
            match = f"(coalesce({name} in (select name from names), false) or coalesce(lower(trim({name})) in {values}, false))"
            redacted = (
                f"regexp_replace({name}, {quote_literal(sought.in_sql)}, {quote_literal(_REPLACEMENT)}, 'g')"
                if sought
                else name
            )
            if (table, column) in _CELL_ONLY:
                cells.append(f"case when not {match} then {name} end as {name}")
            else:
                conditions.append(match)
                cells.append(f"{redacted} as {name}")
        else:
            if kind == "VARCHAR[]":
                conditions.append(f"coalesce(list_has_any({name}, (select list(name) from names)), false)")
            cells.append(name)
    keep = f"not ({' or '.join(conditions)})" if conditions else "true"
    connection.execute(f"create table new.{where} as select {', '.join(cells)} from old.{where} where {keep}")
    row = connection.execute(
        f"select count(*) from (select * from old.{where} except all select * from new.{where})"
    ).fetchone()
    return int(row[0]) if row else 0


def _comment(
    connection: duckdb.DuckDBPyConnection, where: str, comment: str | None, columns: Sequence[tuple[str, str | None]]
) -> None:
    if comment:
        connection.execute(f"comment on table new.{where} is {quote_literal(comment)}")
    for name, text in columns:
        if text:
            connection.execute(f"comment on column new.{where}.{quote_identifier(name)} is {quote_literal(text)}")
