"""What a person reads when dbt stopped the night: what failed, where, how many rows, three examples.

Examples show only columns that may be shown (ids and columns with ``pii: keep``); all other values are starred.
"""

from collections.abc import Mapping
from typing import Any

import duckdb

from orchestration.settings import Settings
from orchestration.transform.runner import DbtOutcome, NodeFailure

_SHOWN_FAILURES = 5
_SHOWN_EXAMPLES = 3
# A test may say in words what is wrong; its sentence is no value of a row.
_OWN_WORDS = frozenset({"problem"})


def describe_failures(settings: Settings, manifest: Mapping[str, Any], outcome: DbtOutcome) -> str:
    """Return the failure screen's text for one dbt run.

    Parameters
    ----------
    settings
        The home; its warehouse is read for the examples, after dbt has closed it.
    manifest
        Says which columns of a tested model may be shown.
    outcome
        How dbt ended.

    Returns
    -------
    str
        A few lines for each of the first five failures.
    """
    if not outcome.failures:
        return f"dbt stopped before it ran anything: {outcome.message}"
    lines: list[str] = []
    for failure in outcome.failures[:_SHOWN_FAILURES]:
        lines += _describe(settings, manifest, failure)
    hidden = len(outcome.failures) - _SHOWN_FAILURES
    if hidden > 0:
        lines.append(f"... and {hidden} more")
    if outcome.skipped:
        lines.append(f"{outcome.skipped} models and tests behind it were not run")
    return "\n".join(lines)


def _describe(settings: Settings, manifest: Mapping[str, Any], failure: NodeFailure) -> list[str]:
    if failure.failing_rows is None:
        return [f"{failure.kind} {failure.name}: {failure.message}"]
    model = manifest["nodes"].get(failure.tested_model, {})
    where = f" on {model['name']}" if model else ""
    lines = [f"test {failure.name}{where}: {failure.failing_rows:,} rows"]
    lines += [f"  e.g. {example}" for example in _examples(settings, model, failure.compiled_sql)]
    return lines


def _examples(settings: Settings, model: Mapping[str, Any], compiled_sql: str) -> list[str]:
    if not compiled_sql:
        return []
    shown = {name for name, column in model.get("columns", {}).items() if _is_shown(column)}
    try:
        with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
            cursor = connection.execute(f"select * from ({compiled_sql}) as failing_rows limit {_SHOWN_EXAMPLES}")
            names = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
    except duckdb.Error:
        # Examples are a help; the failure itself is already told.
        return []
    return [
        ", ".join(
            f"{name}={value if name in shown or name in _OWN_WORDS or name.endswith('_id') else '***'}"
            for name, value in zip(names, row, strict=True)
        )
        for row in rows
    ]


def _is_shown(column: Mapping[str, Any]) -> bool:
    meta = {**column.get("meta", {}), **column.get("config", {}).get("meta", {})}
    return bool(meta.get("pii") == "keep")
