"""What a check found: one dataclass for Dagster, and the rows of ``ops.quality_results``.

What belongs here: turning Great Expectations' result JSON into ours. What does not: deciding what a finding means (`judge`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from orchestration.quality.suites import CheckSpec

EXAMPLE_COUNT = 3
EXAMPLE_LENGTH = 120


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one expectation on one batch or published table.

    Parameters
    ----------
    spec
        The check.
    is_success
        Whether it holds, the suite's tolerance counted in.
    evaluated_count
        Rows looked at, or None for a check of the table as a whole.
    unexpected_count
        Rows that fail, or None likewise.
    observed
        What was found, as text.
    examples
        At most three failing values or rows.
    message
        One sentence for people; empty when nothing failed.
    is_batch_refused
        Whether this check keeps the batch out of raw (gate 1) or the version unpublished (gate 2).
    """

    spec: CheckSpec
    is_success: bool
    evaluated_count: int | None = None
    unexpected_count: int | None = None
    observed: str = ""
    examples: tuple[str, ...] = ()
    message: str = ""
    is_batch_refused: bool = False

    @property
    def name(self) -> str:
        """The check's stable name."""
        return self.spec.name

    @property
    def severity(self) -> str:
        """``critical``, ``warning`` or ``info``."""
        return self.spec.severity


@dataclass(frozen=True)
class RawOutcome:
    """An expectation's result before it is judged.

    Parameters
    ----------
    is_success
        What Great Expectations says.
    unexpected_count
        Failing rows, or None for a check of the table as a whole.
    observed
        Observed value as text.
    examples
        Failing values.
    error
        Why the expectation could not be evaluated, or empty.
    """

    is_success: bool
    unexpected_count: int | None
    observed: str
    examples: tuple[str, ...]
    error: str = ""


def read_outcome(result: Mapping[str, Any], expectation_type: str) -> RawOutcome:
    """Read one entry of a validation result's JSON.

    Parameters
    ----------
    result
        One element of ``results`` as Great Expectations writes it.
    expectation_type
        The expectation's type.

    Returns
    -------
    RawOutcome
        Counts and examples; an exception inside the expectation becomes ``error``.
    """
    exception = result.get("exception_info") or {}
    errors = [
        entry
        for entry in (exception, *exception.values())
        if isinstance(entry, Mapping) and entry.get("raised_exception")
    ]
    found = result.get("result") or {}
    observed = found.get("observed_value")
    count = found.get("unexpected_count")
    if expectation_type == "unexpected_rows_expectation" and isinstance(observed, int):
        count = observed
    return RawOutcome(
        is_success=bool(result.get("success")),
        unexpected_count=None if count is None else int(count),
        observed="" if observed is None else str(observed)[:EXAMPLE_LENGTH],
        examples=tuple(shorten(value) for value in (found.get("partial_unexpected_list") or [])[:EXAMPLE_COUNT]),
        error=_first_line(str(errors[0].get("exception_message", "unknown error"))) if errors else "",
    )


def shorten(value: object) -> str:
    """Return a value as text of at most `EXAMPLE_LENGTH` characters."""
    text = json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (dict, list)) else str(value)
    return text if len(text) <= EXAMPLE_LENGTH else f"{text[: EXAMPLE_LENGTH - 1]}…"


def write_results(
    connection: duckdb.DuckDBPyConnection, run_id: str, checked_at: datetime, gate: str, results: Sequence[CheckResult]
) -> None:
    """Append check results to ``ops.quality_results``.

    Parameters
    ----------
    connection
        The warehouse; the caller owns the transaction.
    run_id
        The run that checked.
    checked_at
        When, UTC without zone.
    gate
        ``raw`` or ``marts``.
    results
        What was found.
    """
    rows = [
        (
            run_id, checked_at, gate, result.spec.table_name, result.spec.suite_name, result.spec.name,
            result.spec.expectation_type, result.spec.column, result.spec.severity, result.is_success,
            result.evaluated_count, result.unexpected_count, result.observed,
            json.dumps(list(result.examples), ensure_ascii=False), result.message, result.is_batch_refused,
        )
        for result in results
    ]  # fmt: skip
    if rows:
        connection.executemany(f"insert into ops.quality_results values ({', '.join('?' * len(rows[0]))})", rows)


def _first_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[0][:300] if lines else "unknown error"
