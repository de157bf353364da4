"""What is published, how fresh it is and whether it is fit to use; reads the published file and its manifest, nothing else."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import duckdb

from orchestration.operate.screens import published_lines
from orchestration.operate.silence import SilentTable, read_arrival_rules, silent_tables
from orchestration.publish.build import MARTS_FILE
from orchestration.publish.versions import published_version, read_manifest
from orchestration.settings import Settings

_SHOWN_SILENT = 10


def status_screen(settings: Settings) -> str:
    """Return the status of one home as one screen.

    Parameters
    ----------
    settings
        The home.

    Raises
    ------
    NothingPublishedError
        Before the first publish.
    """
    folder = published_version(settings.published_dir)
    manifest = read_manifest(settings.published_dir) or {}
    lines = [
        f"published at {manifest['published_at']} by run {manifest['run_id']}",
        *published_lines(settings, manifest),
        *_identity(manifest.get("identity") or {}),
    ]
    rules = read_arrival_rules(settings)
    with duckdb.connect(str(folder / MARTS_FILE), read_only=True) as connection:
        lines += _silent(silent_tables(connection, rules))
        lines += [
            "",
            *_freshness(connection, manifest["stale_tables"]),
            *_failed_checks(connection, manifest["run_id"]),
        ]
    return "\n".join(lines)


def _silent(tables: Sequence[SilentTable]) -> list[str]:
    if not tables:
        return []
    newest = max(table.last_arrived_at for table in tables)
    if len(tables) > _SHOWN_SILENT:
        return [f"silent      {len(tables)} tables; nothing has arrived for any of them since {newest:%Y-%m-%d}"]
    first, *rest = (f"{table.source_table}: {table}" for table in tables)
    return [f"silent      {first}", *(f"            {line}" for line in rest)]


def _identity(facts: Mapping[str, Any]) -> list[str]:
    """Return what the last run did to identity, and what somebody accepted for it."""
    if not facts:
        return []
    moved = (
        f"{facts['merged_known_count']:,} of {facts['known_before_count']:,} known persons merged, "
        f"{facts['unmerged_count']:,} ids un-merged"
    )
    lines = [
        f"identity    largest person {facts['largest_person_records']:,} records; since the version before {moved}",
    ]
    lines += [
        f"accepted    {accepted['limit_name']} {accepted['figure']:g} by {accepted['accepted_by']} at {accepted['accepted_at']}"
        for accepted in facts["accepted"]
    ]
    return lines


def _freshness(connection: duckdb.DuckDBPyConnection, stale: Collection[str]) -> list[str]:
    rows = connection.execute(
        """
        select
            source_table, max(arrived_at) filter (where status = 'loaded'), sum(rows_loaded), sum(rows_quarantined)
        from marts.ops_load
        where status <> 'replaced'
        group by source_table
        order by source_table
        """
    ).fetchall()
    width = max((len(row[0]) for row in rows), default=0)
    lines = [f"{'table':<{width}}  {'newest arrival':<19}  {'rows':>10}  quarantined"]
    for table, arrived_at, loaded, quarantined in rows:
        arrived = f"{arrived_at:%Y-%m-%d %H:%M:%S}" if arrived_at else "never"
        lines.append(
            f"{table:<{width}}  {arrived:<19}  {loaded:>10,}  {quarantined:>11,}{'  STALE' if table in stale else ''}"
        )
    return lines


def _failed_checks(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[str]:
    rows = connection.execute(
        """
        select table_name, check_name, severity, unexpected_count
        from marts.ops_quality_result
        where run_id = ? and not is_success
        order by severity, table_name, check_name
        """,
        [run_id],
    ).fetchall()
    if not rows:
        return ["", "every check of the last run passed"]
    return [
        "",
        "failed checks of the last run",
        *(f"  {severity:<8} {table}.{check}: {count or 0:,} rows" for table, check, severity, count in rows),
    ]
