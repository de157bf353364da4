"""The two gates: what lands before it becomes raw, and what was built before it is published.

What belongs here: running a suite and saying what its results mean for the batch or the version.
What does not: moving rows (the loader) or files (publish).
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from orchestration.quality.results import EXAMPLE_COUNT, CheckResult, RawOutcome, read_outcome, shorten
from orchestration.quality.rowlevel import batch_query
from orchestration.quality.suites import CheckSpec, Suite, load_suite, quarantined_share_spec
from orchestration.sql import quote_identifier, quote_literal

PUBLISHED_SCHEMA = "marts"


def judge_batch(connection: duckdb.DuckDBPyConnection, batch_table: str, suite: Suite) -> tuple[CheckResult, ...]:
    """Run gate 1 on a batch whose rows already carry their ``_reasons``.

    Parameters
    ----------
    connection
        The connection that holds the batch.
    batch_table
        Name of the batch table.
    suite
        The table's suite.

    Returns
    -------
    tuple of CheckResult
        One per expectation, then `quarantined_share`. Any of them may refuse the batch.
    """
    from orchestration.quality.engine import validate

    row = connection.execute(
        f"select count(*), count(*) filter (len(_reasons) > 0) from {quote_identifier(batch_table)}"
    ).fetchone()
    total, failed = row or (0, 0)
    found = validate(connection, {batch_table: suite}).get(batch_table, {})
    results = [
        _judge(connection, batch_table, suite, check, expectation, found.get(check.name), total)
        for check, expectation in zip(suite.checks, suite.expectations, strict=True)
    ]
    is_allowed = suite.allows(failed, total)
    examples = _examples(
        connection, f"select _source_row, _reasons from {quote_identifier(batch_table)} where len(_reasons) > 0"
    )
    results.append(
        CheckResult(
            spec=quarantined_share_spec(suite),
            is_success=is_allowed,
            evaluated_count=total,
            unexpected_count=failed,
            examples=examples if failed else (),
            message=f"{failed} of {total} rows go to quarantine{'' if is_allowed else f', more than {suite.tolerance:.0%} allow'}"
            if failed
            else "",
            is_batch_refused=not is_allowed,
        )
    )
    return tuple(results)


def audit_published(connection_or_path: duckdb.DuckDBPyConnection | Path, suites_dir: Path) -> list[CheckResult]:
    """Run gate 2: every suite below ``suites_dir`` on the published table of the same name.

    Parameters
    ----------
    connection_or_path
        An open connection, or the DuckDB file, which is then opened read-only.
    suites_dir
        ``expectations/marts``; ``<table>.json`` checks ``marts.<table>``.

    Returns
    -------
    list of CheckResult
        ``is_batch_refused`` is true for every critical check that fails: the version must not be published.

    Raises
    ------
    ConfigError
        If a suite file is not readable.
    """
    if isinstance(connection_or_path, Path):
        with duckdb.connect(str(connection_or_path), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            return audit_published(connection, suites_dir)
    connection = connection_or_path
    suites = [load_suite(path, path.stem) for path in sorted(suites_dir.glob("*.json"))]
    if not suites:
        return []
    from orchestration.quality.engine import validate

    before = connection.execute("select current_setting('search_path')").fetchone()
    tables = {
        name
        for (name,) in connection.execute(
            "select table_name from information_schema.tables where table_schema = ?", [PUBLISHED_SCHEMA]
        ).fetchall()
    }
    results: list[CheckResult] = []
    connection.execute(f"set search_path = {quote_literal(PUBLISHED_SCHEMA)}")
    try:
        present = {suite.table_name: suite for suite in suites if suite.table_name in tables}
        found = validate(connection, present) if present else {}
        for suite in suites:
            if suite.table_name not in tables:
                missing = f"table {PUBLISHED_SCHEMA}.{suite.table_name} is not there, but {suite.path.name} checks it"
                results.extend(
                    _refused_when_critical(CheckResult(spec=check, is_success=False, message=missing))
                    for check in suite.checks
                )
                continue
            row = connection.execute(f"select count(*) from {quote_identifier(suite.table_name)}").fetchone()
            total = row[0] if row else 0
            for check, expectation in zip(suite.checks, suite.expectations, strict=True):
                judged = _judge(
                    connection,
                    suite.table_name,
                    suite,
                    check,
                    expectation,
                    found[suite.table_name].get(check.name),
                    total,
                )
                results.append(_refused_when_critical(judged))
    finally:
        connection.execute(f"set search_path = {quote_literal(str(before[0]) if before else '')}")
    return results


def _refused_when_critical(result: CheckResult) -> CheckResult:
    return replace(result, is_batch_refused=not result.is_success and result.severity == "critical")


def _judge(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    suite: Suite,
    check: CheckSpec,
    expectation: Mapping[str, Any],
    entry: Mapping[str, Any] | None,
    total: int,
) -> CheckResult:
    outcome = (
        read_outcome(entry, check.expectation_type) if entry else RawOutcome(False, None, "", (), "no result came back")
    )
    failed = outcome.unexpected_count
    is_success = outcome.is_success and not outcome.error
    if check.level == "row" and not outcome.error and failed is not None:
        is_success = suite.allows(failed, total, check.tolerance)
    examples = outcome.examples
    if failed and check.expectation_type == "unexpected_rows_expectation":
        examples = _examples(connection, batch_query(expectation["kwargs"], quote_identifier(table)))
    return CheckResult(
        spec=check,
        is_success=is_success,
        evaluated_count=total,
        unexpected_count=failed,
        observed=outcome.observed,
        examples=examples,
        message=_message(check, outcome, total),
        is_batch_refused=not is_success and check.severity == "critical",
    )


def _message(check: CheckSpec, outcome: RawOutcome, total: int) -> str:
    if outcome.error:
        return f"{check.name} could not be evaluated: {outcome.error}"
    if outcome.unexpected_count:
        return f"{check.name}: {outcome.unexpected_count} of {total} rows: {check.reason}"
    return "" if outcome.is_success else f"{check.name}: {check.reason} (found {outcome.observed or 'nothing'})"


def _examples(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[str, ...]:
    cursor = connection.execute(f"select * from ({query}) as unexpected limit {EXAMPLE_COUNT}")
    names = [column[0] for column in cursor.description or []]
    rows = cursor.fetchall()
    return tuple(
        shorten({name: value for name, value in zip(names, row, strict=True) if name != "_batch_row"}) for row in rows
    )
