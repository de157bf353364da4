"""What differs between two published versions, table by table and row by row.

Rows are the same by their table's key (the grain that dbt tests), which a version's manifest names; a table without one is compared as
a bag of whole rows. What belongs here: counting and showing. What does not: finding the versions (`versions`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from orchestration.publish.build import MARTS_FILE, SCHEMA
from orchestration.sql import quote_identifier, quote_literal


@dataclass(frozen=True)
class ChangedRow:
    """One row that differs.

    Parameters
    ----------
    kind
        ``added``, ``removed`` or ``changed``.
    key
        Its key, by column; the whole row where the table has no key.
    values
        Of a changed row its differing columns, each with the value before and the value after.
    """

    kind: str
    key: Mapping[str, Any]
    values: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class TableDifference:
    """How one table differs.

    Parameters
    ----------
    table
        Its name.
    rows_before, rows_after
        Row counts; ``None`` where a version does not hold the table.
    added, removed, changed
        Rows by key that are new, gone, or hold other values.
    columns
        Changed rows by column, the most frequent first; only columns that both versions hold.
    new_columns, lost_columns
        Columns that only the later, or only the earlier version holds.
    rows
        Examples in the order of the key, as many as were asked for.
    """

    table: str
    rows_before: int | None
    rows_after: int | None
    added: int = 0
    removed: int = 0
    changed: int = 0
    columns: Mapping[str, int] = field(default_factory=dict)
    new_columns: tuple[str, ...] = ()
    lost_columns: tuple[str, ...] = ()
    rows: tuple[ChangedRow, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether both versions hold the same table."""
        return not (
            self.added or self.removed or self.changed or self.new_columns or self.lost_columns
        ) and None not in (self.rows_before, self.rows_after)


def compare_versions(
    before: Path, after: Path, keys: Mapping[str, Sequence[str]], tables: Sequence[str] = (), examples: int = 0
) -> tuple[TableDifference, ...]:
    """Compare the published files of two versions.

    Parameters
    ----------
    before, after
        Folders of the versions.
    keys
        Key columns by table.
    tables
        Only these; default every table of either version.
    examples
        How many differing rows of each table to show.

    Returns
    -------
    tuple of TableDifference
        By table name.
    """
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        columns = {}
        for side, folder in (("before", before), ("after", after)):
            connection.execute(f"attach {quote_literal(str(folder / MARTS_FILE))} as {side}_version (read_only)")
            columns[side] = _columns(connection, f"{side}_version")
        names = sorted(set(tables) or columns["before"].keys() | columns["after"].keys())
        return tuple(
            _compare(
                connection, name, columns["before"].get(name), columns["after"].get(name), keys.get(name), examples
            )
            for name in names
        )


def _columns(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    query = "select table_name, column_name from duckdb_columns() where database_name = ? and schema_name = ? order by table_name, column_index"
    for table, column in connection.execute(query, [database, SCHEMA]).fetchall():
        found.setdefault(table, []).append(column)
    return found


def _compare(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    before: list[str] | None,
    after: list[str] | None,
    key: Sequence[str] | None,
    examples: int,
) -> TableDifference:
    counts = [
        None if columns is None else _count(connection, f"select * from {_relation(side, table)}")
        for side, columns in (("before", before), ("after", after))
    ]
    if before is None or after is None:
        return TableDifference(table, counts[0], counts[1])
    shared = [column for column in before if column in after]
    usable_key = list(key) if key and set(key) <= set(shared) else shared
    compared = [column for column in shared if column not in usable_key]
    _join(connection, table, usable_key, compared)
    kinds = dict(connection.execute("select kind, count(*) from compared group by kind").fetchall())
    return TableDifference(
        table=table,
        rows_before=counts[0],
        rows_after=counts[1],
        added=kinds.get("added", 0),
        removed=kinds.get("removed", 0),
        changed=kinds.get("changed", 0),
        columns=_changed_columns(connection, compared) if kinds.get("changed") else {},
        new_columns=tuple(column for column in after if column not in before),
        lost_columns=tuple(column for column in before if column not in after),
        rows=_examples(connection, usable_key, compared, examples) if examples else (),
    )


def _relation(side: str, table: str) -> str:
    return f"{side}_version.{quote_identifier(SCHEMA)}.{quote_identifier(table)}"


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(f"select count(*) from ({query}) as counted").fetchone()
    return int(row[0]) if row else 0


def _join(connection: duckdb.DuckDBPyConnection, table: str, key: list[str], compared: list[str]) -> None:
    """Make `compared`: one row per differing key, with a struct of each side's other columns.

    Rows with one key are numbered, so that a key that is not one (a bag of rows) still pairs each row with one other.
    """
    keys = ", ".join(quote_identifier(column) for column in key)
    others = ", ".join(quote_identifier(column) for column in compared)
    order = ", ".join(filter(None, (keys, others)))
    sides = {
        side: f"select {keys}, {f'{{{_fields(compared)}}}' if compared else 'null'} as other_values, "
        f"row_number() over (partition by {keys} order by {order}) as copy from {_relation(side, table)}"
        for side in ("before", "after")
    }
    on = " and ".join(
        f"b.{quote_identifier(column)} is not distinct from a.{quote_identifier(column)}" for column in key
    )
    merged = ", ".join(
        f"coalesce(b.{quote_identifier(column)}, a.{quote_identifier(column)}) as {quote_identifier(column)}"
        for column in key
    )
    connection.execute(
        f"create or replace temp table compared as select {merged}, b.other_values as values_before, a.other_values as values_after, "
        "case when b.copy is null then 'added' when a.copy is null then 'removed' else 'changed' end as kind "
        f"from ({sides['before']}) as b full outer join ({sides['after']}) as a on {on} and b.copy = a.copy "
        "where b.copy is null or a.copy is null or b.other_values is distinct from a.other_values"
    )


def _fields(columns: Sequence[str]) -> str:
    return ", ".join(f"{quote_identifier(column)}: {quote_identifier(column)}" for column in columns)


def _changed_columns(connection: duckdb.DuckDBPyConnection, compared: list[str]) -> dict[str, int]:
    counts = ", ".join(
        f"count(*) filter (where values_before.{name} is distinct from values_after.{name})"
        for name in map(quote_identifier, compared)
    )
    row = connection.execute(f"select {counts} from compared where kind = 'changed'").fetchone() or ()
    found = {column: int(count) for column, count in zip(compared, row, strict=True) if count}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _examples(
    connection: duckdb.DuckDBPyConnection, key: list[str], compared: list[str], many: int
) -> tuple[ChangedRow, ...]:
    keys = ", ".join(quote_identifier(column) for column in key)
    rows = connection.execute(
        f"select kind, values_before, values_after, {keys} from compared order by {keys}, kind limit ?", [many]
    ).fetchall()
    return tuple(
        ChangedRow(
            kind,
            dict(zip(key, values, strict=True)),
            {column: (before[column], after[column]) for column in compared if before[column] != after[column]}
            if kind == "changed"
            else {},
        )
        for kind, before, after, *values in rows
    )
