"""What a person reads after a night: one screen, whether it went well or not.

What does not belong here: how the night was run (`night`). Nothing here holds personal data except the examples of a refused batch,
which are printed and never logged.
"""

from collections.abc import Mapping
from typing import Any

import duckdb

from orchestration.errors import ExitCode
from orchestration.operate.outcome import Night
from orchestration.publish.build import MARTS_FILE
from orchestration.publish.versions import CURRENT
from orchestration.settings import Settings

_NEXT_BY_STEP = {
    "load_raw": "correct the export or sources.yml, then: leadrelay run",
    "dbt_build": "look at the failing rows or the model, then: leadrelay run",
    "publish_marts": "look at the failing check in expectations/marts and the model behind it, then: leadrelay run",
}


def night_screen(settings: Settings, night: Night) -> str:
    """Return the summary of one night."""
    if night.failure:
        lines = _failure_lines(night)
    elif night.kept_version:
        lines = kept_lines(settings, night.manifest or {})
    else:
        lines = published_lines(settings, night.manifest or {})
    lines += [line for text in night.decided for line in text.splitlines()]
    if night.refused and not (night.failure and night.failure.step == "load_raw"):
        lines += ["", "Stale tables (the newest batch was refused; older rows are used)"]
    for message in night.refused.values():
        lines += [f"  {line}" for line in message.splitlines()]
    for warning in night.warnings:
        first, *rest = warning.splitlines()
        lines += ["", f"warning     {first}", *(f"  {line}" for line in rest)]
    return "\n".join(lines)


def _failure_lines(night: Night) -> list[str]:
    failure = night.failure
    if failure is None:
        return []
    how = "interrupted" if failure.exit_code == ExitCode.INTERRUPTED else "stopped"
    what = "a defect in leadrelay" if failure.is_defect else failure.step
    stands = f"as of {night.manifest['as_of']}" if night.manifest else "nothing yet"
    # A full disk or a warehouse in use has its own remedy; that of the step would send people to their exports.
    remedy = failure.message.rpartition("Next: ")[2] if "Next: " in failure.message else _NEXT_BY_STEP.get(failure.step)
    return [
        f"NOT PUBLISHED: {how} at {what}",
        "",
        *(f"  {line}" for line in failure.message.splitlines()),
        "",
        f"published   {stands} (unchanged)",
        f"run         {night.run_id}",
        f"next        {remedy or 'leadrelay run'}",
    ]


def published_lines(settings: Settings, manifest: Mapping[str, Any]) -> list[str]:
    """Return what is published, as lines: loads, persons, stages, checks and where the file is."""
    this_run, total = manifest["loads"]["this_run"], manifest["loads"]["all"]
    path = settings.published_dir / CURRENT / MARTS_FILE
    lines = [
        f"as of       {manifest['as_of']} (UTC)",
        f"loaded      {this_run['rows_loaded']:,} rows ({total['rows_loaded']:,} in all)",
        f"quarantined {this_run['rows_quarantined']:,} rows ({total['rows_quarantined']:,} in all{_open_rows(manifest)})",
        f"repeated    {this_run['rows_collapsed']:,} rows said nothing new",
    ]
    with duckdb.connect(str(path.resolve()), read_only=True) as connection:
        lines += _person_lines(connection)
    checks = manifest["checks"]
    lines += [
        f"checks      {checks['passed']:,} passed, {checks['failed']:,} failed at the gate to publishing",
        f"stale       {', '.join(manifest['stale_tables']) or 'none'}",
        f"published   {path}",
        f"version     {manifest['version']}, {len(manifest['tables'])} tables",
    ]
    return lines


def _open_rows(manifest: Mapping[str, Any]) -> str:
    """Return how many rows of quarantine wait for somebody; versions of before that was counted do not say."""
    waiting = manifest.get("quarantine_open")
    return f", {waiting:,} open" if waiting else ""


def kept_lines(settings: Settings, manifest: Mapping[str, Any]) -> list[str]:
    """Return what a night says that had nothing to do."""
    return [
        f"as of       {manifest['as_of']} (UTC)",
        f"nothing new; version {manifest['version']} stands",
        f"published   {settings.published_dir / CURRENT / MARTS_FILE}",
    ]


def _person_lines(connection: duckdb.DuckDBPyConnection) -> list[str]:
    persons = connection.execute(
        "select count(*), count(*) filter (where not is_anonymous) from marts.dim_person"
    ).fetchone()
    stages = connection.execute(
        """
        select dim_stage.label_en, count(distinct transitions.person_id) as person_count
        from marts.fct_lifecycle_transition as transitions
        inner join marts.dim_stage as dim_stage on transitions.stage = dim_stage.stage
        where transitions.is_current
        group by dim_stage.label_en, dim_stage.stage_position
        order by dim_stage.stage_position
        """
    ).fetchall()
    total, known = persons or (0, 0)
    width = max((len(label) for label, _ in stages), default=0)
    return [
        f"persons     {total:,} ({known:,} with a name, {total - known:,} anonymous)",
        *(f"  {label:<{width}}  {count:>9,}" for label, count in stages),
    ]
