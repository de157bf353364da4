"""The published files as Dagster assets, with gate 2's expectations as their checks.

Who may call it: definitions.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from orchestration.operate.lock import hold_night
from orchestration.publish.budget import budget_specs
from orchestration.publish.policy import published_tables
from orchestration.publish.publisher import GateRefusedError, Published, publish
from orchestration.quality.results import CheckResult
from orchestration.quality.suites import CheckSpec, load_suite
from orchestration.settings import Settings
from orchestration.transform.plan import settled_state

_log = logging.getLogger(__name__)

GROUP = "published"
STEP_NAME = "publish_marts"
MARTS_KEY = dg.AssetKey([GROUP, "leadrelay"])
PEOPLE_KEY = dg.AssetKey([GROUP, "leadrelay_people"])
REPORT_CHECK = "report__is_made"


def build_publish_assets(settings: Settings, manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """Return both published files as assets of one step.

    Parameters
    ----------
    settings
        The home to publish in.
    manifest
        Content of dbt's ``manifest.json``.
    """
    marts = [dg.AssetKey(["marts", table.name]) for table in published_tables(manifest)]
    suites = [load_suite(path, path.stem) for path in sorted((settings.expectations_dir / "marts").glob("*.json"))]

    @dg.multi_asset(
        name=STEP_NAME,
        specs=[
            dg.AssetSpec(
                key=MARTS_KEY,
                deps=marts,
                group_name=GROUP,
                kinds={"duckdb"},
                description="Every mart without direct personal data: what a BI tool opens.",
            ),
            dg.AssetSpec(
                key=PEOPLE_KEY,
                deps=marts,
                group_name=GROUP,
                kinds={"duckdb"},
                description="The marts that hold personal data, whole; only the owner may read the file.",
            ),
        ],
        check_specs=[
            *(_check_spec(check) for suite in suites for check in suite.checks),
            *(_check_spec(check) for check in budget_specs()),
            dg.AssetCheckSpec(
                name=REPORT_CHECK,
                asset=MARTS_KEY,
                description="The report for people was made. A night without one has published all the same.",
            ),
        ],
    )
    def publish_marts(context: dg.AssetExecutionContext) -> Iterator[Any]:
        hold_night(settings)
        try:
            published = publish(settings, manifest, context.run.run_id, settled_state(settings, manifest))
        except GateRefusedError as refused:
            yield from (_check_result(result) for result in refused.results)
            raise dg.Failure(description=str(refused), allow_retries=False) from refused
        _log.info("published %s tables as %s", len(published.manifest["tables"]), published.manifest["version"])
        yield from (
            dg.MaterializeResult(asset_key=key, metadata=_metadata(published)) for key in (MARTS_KEY, PEOPLE_KEY)
        )
        yield from (_check_result(result) for result in published.results)
        yield from _report_results(published)

    return publish_marts


def _report_results(published: Published) -> Iterator[Any]:
    """Say whether there is a report, and warn on the night's screen when it failed."""
    # That room reads this one's keys.
    from orchestration.transform.assets import WARNING

    problem = published.report_problem
    yield dg.AssetCheckResult(
        asset_key=MARTS_KEY,
        check_name=REPORT_CHECK,
        passed=not problem,
        severity=dg.AssetCheckSeverity.WARN,
        description=problem or None,
        metadata={"files": ", ".join(published.manifest["report"]["files"]) or "none"},
    )
    if problem:
        told = f"no report was made ({problem}); the marts are published all the same. Try again with: leadrelay report"
        _log.warning(told)
        yield dg.AssetObservation(asset_key=MARTS_KEY, metadata={WARNING: told})


def _check_name(check: CheckSpec) -> str:
    return f"{check.table_name}__{check.name}"


def _check_spec(check: CheckSpec) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        name=_check_name(check),
        asset=MARTS_KEY,
        description=f"{check.table_name}: {check.reason}",
        blocking=check.severity == "critical",
        metadata={"severity": check.severity},
    )


def _check_result(result: CheckResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=MARTS_KEY,
        check_name=_check_name(result.spec),
        passed=result.is_success,
        severity=dg.AssetCheckSeverity.ERROR if result.severity == "critical" else dg.AssetCheckSeverity.WARN,
        description=result.message or None,
        metadata={"rows looked at": result.evaluated_count, "rows that fail": result.unexpected_count},
    )


def _metadata(published: Published) -> dict[str, Any]:
    return {
        "version": published.manifest["version"],
        "as_of": published.manifest["as_of"],
        "path": dg.MetadataValue.path(str(published.folder)),
        "tables": len(published.manifest["tables"]),
        "stale tables": ", ".join(published.manifest["stale_tables"]) or "none",
    }
