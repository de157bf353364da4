"""A draft of a suite for a table, from the rows that have landed: for a person to correct, never to be taken as it is.

What belongs here: profiling a typed batch in SQL and writing the entries. What does not: reading files (the caller has done it).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.sql import quote_identifier

# So few different words are a vocabulary, when each stands for so many rows on average.
_WORDS_AT_MOST = 20
_ROWS_PER_WORD = 10
_TOLERANCE = 0.05
_TOLERANCE_ROWS = 5


@dataclass(frozen=True)
class ProfiledColumn:
    """One column of the contract, as far as a draft needs it."""

    name: str
    data_type: str
    is_required: bool


def propose_suite(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    table_name: str,
    columns: Sequence[ProfiledColumn],
    version_column: str | None,
) -> dict[str, Any]:
    """Draft a suite in Great Expectations' JSON.

    Parameters
    ----------
    connection
        The connection that holds the rows.
    relation
        SQL name of a typed batch.
    table_name
        ``<source>.<table>``.
    columns
        The contract's columns.
    version_column
        The column that tells versions of one key apart, or None.

    Returns
    -------
    dict
        The suite. Checks without which no table can be loaded are critical; what the rows happen to have in common only warns.
    """
    row = connection.execute(f"select count(*) from {relation} where _is_typed").fetchone()
    total = int(row[0]) if row else 0
    entries = [*_always(table_name, columns, version_column)]
    for column in columns:
        entries += _required(column) if column.is_required else []
    for column in columns:
        entries += _seen(connection, relation, column, total)
    entries += _history(table_name)
    return {
        "name": f"raw.{table_name.replace('.', '__')}",
        "expectations": entries,
        "meta": {"tolerance": _TOLERANCE, "tolerance_rows": _TOLERANCE_ROWS},
        "notes": f"DRAFT from {total:,} rows of {table_name}. Decide for each entry whether it is a rule or chance, then take this word out.",
    }


def _entry(
    kind: str, severity: str, name: str, level: str, reason: str, kwargs: Mapping[str, Any], **meta: object
) -> dict[str, Any]:
    return {
        "type": kind,
        "kwargs": dict(kwargs),
        "severity": severity,
        "meta": {"name": name, "level": level, **meta, "reason": reason},
    }


def _query(severity: str, name: str, level: str, reason: str, query: str, **meta: object) -> dict[str, Any]:
    return _entry(
        "unexpected_rows_expectation", severity, name, level, reason, {"unexpected_rows_query": query}, **meta
    )


def _always(table_name: str, columns: Sequence[ProfiledColumn], version_column: str | None) -> list[dict[str, Any]]:
    version = f", {version_column}" if version_column else ""
    return [
        _entry(
            "expect_table_columns_to_match_set",
            "critical",
            "columns_match_contract",
            "table",
            "the batch has every column of the raw contract",
            {"column_set": [column.name for column in columns], "exact_match": False},
        ),
        _entry(
            "expect_table_row_count_to_be_between",
            "critical",
            "has_rows",
            "table",
            "a delivery without a single row is a broken export",
            {"min_value": 1},
        ),
        _query(
            "critical",
            "rows_can_be_read",
            "row",
            "rows that cannot be read or cast",
            "select _source_row, _reasons from {batch} where not _is_typed",
        ),
        _query(
            "critical",
            "keys_are_unique",
            "row",
            f"one key with two contents in one delivery of {table_name}",
            "select _record_key, count(*) as row_count from {batch} where _is_typed "
            f"group by _file_index, _arrived_at, _record_id, _record_key{version} having count(*) > 1",
        ),
    ]


def _required(column: ProfiledColumn) -> list[dict[str, Any]]:
    entries = [
        _entry(
            "expect_column_values_to_not_be_null",
            "critical",
            f"{column.name}_is_present",
            "row",
            "must not be empty",
            {"column": column.name},
        )
    ]
    if column.data_type in {"TIMESTAMP", "DATE"}:
        name = quote_identifier(column.name)
        entries.append(
            _query(
                "critical",
                f"{column.name}_is_plausible",
                "row",
                "before 1990 or more than a day after it arrived",
                f"select _batch_row, {name}, _arrived_at from {{batch}} where {name} < timestamp '1990-01-01' or {name} > _arrived_at + interval 1 day",
                column=column.name,
            )
        )
    return entries


def _seen(
    connection: duckdb.DuckDBPyConnection, relation: str, column: ProfiledColumn, total: int
) -> list[dict[str, Any]]:
    """Return what all values of a column have in common; nothing for one that is always empty."""
    name = quote_identifier(column.name)
    row = connection.execute(
        f"select count({name}), count(distinct {name}), min({name}), max({name}) from {relation} where _is_typed"
    ).fetchone()
    filled, different, low, high = row or (0, 0, None, None)
    if not filled:
        return []
    entries: list[dict[str, Any]] = []
    if filled == total and not column.is_required:
        entries.append(
            _entry(
                "expect_column_values_to_not_be_null",
                "warning",
                f"{column.name}_is_filled",
                "row",
                f"filled in all of {total:,} rows so far",
                {"column": column.name},
                tolerance=_TOLERANCE,
            )
        )
    if column.data_type in {"BIGINT", "DOUBLE"} or column.data_type.startswith("DECIMAL"):
        entries.append(
            _entry(
                "expect_column_values_to_be_between",
                "warning",
                f"{column.name}_is_in_range",
                "row",
                f"between {low} and {high} in {filled:,} rows so far",
                {"column": column.name, "min_value": float(low), "max_value": float(high)},
                tolerance=_TOLERANCE,
            )
        )
    elif column.data_type == "VARCHAR" and different <= _WORDS_AT_MOST and filled >= _ROWS_PER_WORD * different:
        words = connection.execute(
            f"select distinct {name} from {relation} where _is_typed and {name} is not null order by all"
        ).fetchall()
        entries.append(
            _entry(
                "expect_column_values_to_be_in_set",
                "warning",
                f"{column.name}_is_known",
                "row",
                f"one of {different} words in {filled:,} rows so far",
                {"column": column.name, "value_set": [word for (word,) in words]},
                tolerance=_TOLERANCE,
            )
        )
    return entries


def _history(table_name: str) -> list[dict[str, Any]]:
    loads = f"from ops.loads where source_table = '{table_name}' and status = 'loaded'"
    return [
        _query(
            "warning",
            "row_count_is_usual",
            "table",
            "a file has less than a tenth or more than ten times the rows of the 20 files before it, of which there are five at least",
            "select b._source_system, b.row_count, u.usual from (select _source_system, _load_sequence, count(*) as row_count from {batch} group by all) as b "
            f"inner join (select source_system, avg(rows_in) as usual from (select source_system, rows_in {loads} qualify row_number() over "
            "(partition by source_system order by load_sequence desc) <= 20) as newest group by source_system having count(*) >= 5) as u "
            "on u.source_system = b._source_system where b.row_count < 0.1 * u.usual or b.row_count > 10 * u.usual",
        ),
        _query(
            "warning",
            "quarantine_is_usual",
            "table",
            "the share of rows that go to quarantine is more than three times that of the 20 files before, and five rows at least",
            "select b.bad, b.row_count, u.usual from (select count(*) as row_count, count(*) filter (len(_reasons) > 0) as bad from {batch}) as b "
            f"cross join (select sum(rows_quarantined) / sum(rows_in) as usual from (select rows_quarantined, rows_in {loads} and rows_in > 0 "
            "order by load_sequence desc limit 20) as newest having count(*) >= 3) as u where b.bad >= 5 and b.bad > 3 * u.usual * b.row_count",
        ),
    ]
