"""One publish from end to end: build, audit (gate 2), swap in, and say in ``manifest.json`` what is published.

A version that a critical check of gate 2 refuses is never swapped in; what is published stays as it was.
Who may call it: the publish asset.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from orchestration.erase.retention import VERSIONS as KEPT_VERSIONS_ROW
from orchestration.erase.retention import read_retention
from orchestration.errors import PublishError, first_line
from orchestration.ingest.warehouse import OPS_TABLES, connect, count_open, stale_tables
from orchestration.publish.budget import Finding, as_check_results, judge, read_acceptances, read_limits, write_stops
from orchestration.publish.build import MARTS_FILE, PEOPLE_FILE, SCHEMA, STORAGE_VERSION, build_files
from orchestration.publish.identity_quality import QUALITY_COLUMNS, measure_quality, write_quality
from orchestration.publish.movement import Movement, measure_movement
from orchestration.publish.policy import PiiPolicy, PublishedTable, published_tables
from orchestration.publish.privacy import load_or_create_key
from orchestration.publish.versions import (
    MANIFEST_FILE,
    VERSIONS,
    current_version,
    new_version,
    read_versions,
    version_name,
)
from orchestration.quality.gates import audit_published
from orchestration.quality.results import CheckResult, write_results
from orchestration.settings import Settings, load_reporting
from orchestration.sql import quote_identifier, quote_literal
from orchestration.transform.plan import STATE_KEY

QUALITY_TABLE = "ops_quality_result"
IDENTITY_TABLE = "ops_identity_quality"
_GATE = "marts"


class GateRefusedError(PublishError):
    """Gate 2 found a critical failure in the new version.

    Parameters
    ----------
    results
        Every check's result, the failed ones among them.
    """

    def __init__(self, results: Sequence[CheckResult]) -> None:
        self.results = tuple(results)
        failed = [result for result in results if result.is_batch_refused]
        lines = [f"{len(failed)} of {len(results)} checks on the new version failed; what is published stays as it was"]
        lines += [f"  {result.spec.table_name}: {result.message}" for result in failed[:5]]
        super().__init__("\n".join(lines))


@dataclass(frozen=True)
class Published:
    """What one publish brought.

    Parameters
    ----------
    folder
        The version's folder.
    manifest
        Content of its ``manifest.json``.
    results
        Gate 2's results.
    report_problem
        Why there is no report; empty when there is one, or none was asked for.
    """

    folder: Path
    manifest: Mapping[str, Any]
    results: tuple[CheckResult, ...]
    report_problem: str = ""


def publish(settings: Settings, dbt_manifest: Mapping[str, Any], run_id: str, state: str | None = None) -> Published:
    """Build, audit and swap in a new version.

    Parameters
    ----------
    settings
        The home; its warehouse must be closed.
    dbt_manifest
        Says which tables are published and how personal data in them is treated.
    run_id
        Id of the Dagster run.
    state
        From what the version follows (`orchestration.transform.plan`); without it no later night takes it for done.

    Returns
    -------
    Published
        The new version, which is ``current`` when this returns.

    Raises
    ------
    PublishError
        If a column has no policy, a table is missing, or another run is publishing.
    GateRefusedError
        If gate 2 refuses the version.
    """
    tables = published_tables(dbt_manifest)
    key = load_or_create_key(settings.home)
    published_at = _moment_of_publishing(settings)
    name = version_name(published_at, run_id)
    keep = read_retention(settings)[KEPT_VERSIONS_ROW]
    with new_version(settings.published_dir, name, keep.at_least, keep.limit(published_at)) as folder:
        rows = build_files(settings.warehouse_path, folder, tables, key)
        movement = measure_movement(folder, current_version(settings.published_dir))
        findings = _hold_against_budget(settings, movement)
        results = [
            *_audit(folder / MARTS_FILE, settings.expectations_dir / _GATE),
            *(as_check_results(findings) if movement else ()),
        ]
        facts = _note_in_warehouse(settings, run_id, published_at, results)
        identity = _note_identity(settings, run_id, published_at, folder, movement, findings, results)
        if any(result.is_batch_refused for result in results):
            raise GateRefusedError(results)
        rows.update(_append_results(folder, tables, run_id, published_at, results))
        rows.update(_append_identity(folder, tables, identity))
        report, problem = _write_report(settings, folder, name, facts["as_of"] or "")
        manifest = {
            "version": name,
            "published_at": published_at.isoformat(timespec="milliseconds"),
            "run_id": run_id,
            "storage_version": STORAGE_VERSION,
            STATE_KEY: state,
            **facts,
            "identity": _identity_facts(identity, findings),
            "tables": dict(sorted(rows.items())),
            "keys": {table.name: list(table.key) for table in tables if table.key},
            "cluster_by": {table.name: list(table.cluster_by) for table in tables if table.cluster_by},
            "files": {file: _file_facts(folder / file) for file in (MARTS_FILE, PEOPLE_FILE)},
            "checks": {"passed": sum(r.is_success for r in results), "failed": sum(not r.is_success for r in results)},
            "report": {"files": report},
        }
        (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return Published(settings.published_dir / VERSIONS / name, manifest, tuple(results), problem)


def _write_report(settings: Settings, folder: Path, version: str, as_of: str) -> tuple[list[str], str]:
    """Make what people look at beside the files, and return the names of its files and why there are none.

    Nobody's data waits for a picture: whatever fails in here is told and the version is published without a report.
    """
    try:
        reporting = load_reporting()
        if not reporting.is_on:
            return [], ""
        from orchestration.report.build import write_report

        files = write_report(
            folder, version, as_of, settings.models_dir, reporting.languages, pictures=reporting.has_pictures
        )
    except Exception as error:  # noqa: BLE001 - the drawing libraries raise what they like, and no chart may stop a night
        for path in folder.glob("report*"):
            path.unlink()
        return [], f"{type(error).__name__}: {first_line(error)}"
    return files, ""


def _moment_of_publishing(settings: Settings) -> datetime:
    """Return the clock, or a moment after the newest version when the clock was set back: versions are told apart by their time."""
    now = datetime.now(tz=UTC)
    newest = max(
        (datetime.fromisoformat(one["published_at"]) for one in read_versions(settings.published_dir)), default=now
    )
    return now if newest <= now - timedelta(milliseconds=1) else max(now, newest + timedelta(milliseconds=1))


def _audit(path: Path, suites_dir: Path) -> list[CheckResult]:
    """Open the closed file again as a reader would, and run gate 2 on it."""
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return audit_published(connection, suites_dir)


def _note_in_warehouse(
    settings: Settings, run_id: str, checked_at: datetime, results: Sequence[CheckResult]
) -> dict[str, Any]:
    """Keep gate 2's results for the nights to come, and read what the manifest says about the loads."""
    with connect(settings) as connection:
        connection.execute("begin")
        write_results(connection, run_id, checked_at.replace(tzinfo=None), _GATE, results)
        connection.execute("commit")
        as_of = connection.execute("select max(as_of) from ops.as_of").fetchone()
        totals = """
            select
                coalesce(sum(rows_in), 0), coalesce(sum(rows_loaded), 0),
                coalesce(sum(rows_quarantined), 0), coalesce(sum(rows_collapsed), 0)
            from ops.loads where status = 'loaded'
        """
        return {
            "as_of": as_of[0].isoformat() if as_of and as_of[0] else None,
            "stale_tables": sorted(stale_tables(connection)),
            "loads": {
                "this_run": _named(connection.execute(f"{totals} and run_id = ?", [run_id]).fetchone()),
                "all": _named(connection.execute(totals).fetchone()),
            },
            "quarantine_open": count_open(connection),
        }


def _hold_against_budget(settings: Settings, movement: Movement | None) -> list[Finding]:
    if movement is None:
        return []
    with connect(settings) as connection:
        return judge(movement, read_limits(connection), read_acceptances(connection))


def _note_identity(
    settings: Settings,
    run_id: str,
    measured_at: datetime,
    folder: Path,
    movement: Movement | None,
    findings: Sequence[Finding],
    results: Sequence[CheckResult],
) -> dict[str, Any]:
    """Keep how identity did in this run, published or not, and what stopped it; the same run again replaces its row."""
    if movement is None:
        return {}
    with connect(settings) as connection:
        quality = {
            "run_id": run_id,
            "measured_at": measured_at.replace(tzinfo=None),
            "is_refused": any(result.is_batch_refused for result in results),
            **measure_quality(connection, folder / MARTS_FILE, settings.home, movement),
        }
        connection.execute("begin")
        write_quality(connection, quality)
        write_stops(connection, run_id, measured_at.replace(tzinfo=None), movement.compared_with, findings)
        connection.execute("commit")
    return quality


def _identity_facts(quality: Mapping[str, Any], findings: Sequence[Finding]) -> dict[str, Any]:
    """Return what `status` says of identity; reasons stay in the warehouse, since they are free text."""
    if not quality:
        return {}
    shown = ("largest_person_records", "known_before_count", "merged_known_count", "unmerged_count")
    return {
        **{name: quality[name] for name in shown},
        "accepted": [
            {
                "limit_name": finding.limit.name,
                "figure": finding.figure,
                "accepted_by": finding.acceptance.accepted_by,
                "accepted_at": finding.acceptance.accepted_at.isoformat(timespec="seconds"),
            }
            for finding in findings
            if finding.acceptance is not None
        ],
    }


def _append_identity(folder: Path, tables: Sequence[PublishedTable], quality: Mapping[str, Any]) -> dict[str, int]:
    """Add this run to the published history of identity's quality, which the models could not know yet."""
    table = next((table for table in tables if table.name == IDENTITY_TABLE), None)
    if table is None or not quality:
        return {}
    columns = [name for name, _ in QUALITY_COLUMNS]
    target = f"target.{quote_identifier(SCHEMA)}.{quote_identifier(IDENTITY_TABLE)}"
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach {quote_literal(str(folder / MARTS_FILE))} as target")
        connection.execute(f"delete from {target} where run_id = ?", [quality["run_id"]])
        connection.execute(
            f"insert into {target} ({', '.join(map(quote_identifier, columns))}) values ({', '.join('?' * len(columns))})",
            [quality[name] for name in columns],
        )
        connection.execute("checkpoint target")
        row = connection.execute(f"select count(*) from {target}").fetchone()
        connection.execute("detach target")
    return {IDENTITY_TABLE: int(row[0]) if row else 0}


def _named(totals: tuple[Any, ...] | None) -> dict[str, int]:
    names = ("rows_in", "rows_loaded", "rows_quarantined", "rows_collapsed")
    return {name: int(value) for name, value in zip(names, totals or (0, 0, 0, 0), strict=True)}


def _append_results(
    folder: Path, tables: Sequence[PublishedTable], run_id: str, checked_at: datetime, results: Sequence[CheckResult]
) -> dict[str, int]:
    """Add gate 2's results to the published table of check results, in both files, and return its new row count.

    The models ran before the gate, so the mart cannot hold them yet; by the next night it does.
    """
    table = next((table for table in tables if table.name == QUALITY_TABLE), None)
    if table is None or not results:
        return {}
    columns = ", ".join(f"{quote_identifier(name)} {data_type}" for name, data_type in OPS_TABLES["quality_results"])
    key = "md5(concat_ws('|', coalesce(run_id, ''), gate, table_name, suite_name, check_name)) as quality_result_id"
    counts: dict[str, int] = {}
    with duckdb.connect(":memory:") as connection:
        connection.execute("create schema ops")
        connection.execute(f"create table ops.quality_results ({columns})")
        write_results(connection, run_id, checked_at.replace(tzinfo=None), _GATE, results)
        for file, with_dropped in ((MARTS_FILE, False), (PEOPLE_FILE, table.holds_personal_data)):
            shown = [c.name for c in table.columns if with_dropped or c.policy is PiiPolicy.KEEP]
            if file == PEOPLE_FILE and not with_dropped:
                continue
            connection.execute(f"attach {quote_literal(str(folder / file))} as target")
            target = f"target.{quote_identifier(SCHEMA)}.{quote_identifier(QUALITY_TABLE)}"
            selected = ", ".join(quote_identifier(name) for name in shown)
            connection.execute(
                f"insert into {target} by name select {selected} from (select {key}, * from ops.quality_results) as results"
            )
            connection.execute("checkpoint target")
            if file == MARTS_FILE:
                row = connection.execute(f"select count(*) from {target}").fetchone()
                counts[QUALITY_TABLE] = int(row[0]) if row else 0
            connection.execute("detach target")
    return counts


def _file_facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return {"sha256": digest.hexdigest(), "bytes": path.stat().st_size}
