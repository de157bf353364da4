"""What the daemon looks at between the nights: files that have settled, runs that have ended, and runs that could not say so.

The command line tells its nights itself; a night that the daemon ran is told here, by the same rules.
What does not belong here: what a job does (`jobs`) and who is told what (`alerts`).
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from orchestration.errors import ExitCode, LeadrelayError
from orchestration.ingest.contract import load_contract
from orchestration.ingest.feeds import Feed
from orchestration.ingest.landing import SIDECAR_SUFFIX, UNFINISHED_SUFFIXES
from orchestration.ingest.sources import Sources, load_sources
from orchestration.ingest.warehouse import read_warehouse, stale_tables
from orchestration.operate.alerts import alert_on
from orchestration.operate.instance import LOST, end_lost_runs
from orchestration.operate.jobs import INGEST, STARTED_BY
from orchestration.operate.lock import only_night
from orchestration.operate.outcome import Failure, Night
from orchestration.publish.versions import read_manifest
from orchestration.settings import Settings, Timing

SETTLED_FILES = "settled_files"
_PAUSE_SECONDS = 30
# path -> size, time of change, and since when it has been so
Seen = dict[str, list[float]]


def build_sensors(
    settings: Settings, jobs: list[UnresolvedAssetJobDefinition], timing: Timing
) -> list[dg.SensorDefinition]:
    """Return the sensors of a home.

    Parameters
    ----------
    settings
        The home.
    jobs
        From `build_jobs`.
    timing
        Whether landing is watched, and how long a file must have stood still.
    """
    by_name = {job.name: job for job in jobs}
    contract = load_contract(settings.models_dir)

    @dg.sensor(
        name=SETTLED_FILES,
        job=by_name[INGEST],
        minimum_interval_seconds=_PAUSE_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING if timing.watches_landing else dg.DefaultSensorStatus.STOPPED,
        description=f"Load files between the nights once they have not changed for {timing.settle_seconds:g} s.",
    )
    def settled_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        seen: Seen = json.loads(context.cursor) if context.cursor else {}
        sources = load_sources(settings.sources_file, contract)
        now, fresh = look(dict(new_files(settings.landing_dir, sources)), seen, time.time(), timing.settle_seconds)
        context.update_cursor(json.dumps(now))
        if not fresh:
            return dg.SkipReason(f"{len(now)} new files, none that has newly settled")
        # The same files in the same state ask for one run, however often they are looked at.
        state = "|".join(f"{path} {now[path][0]:.0f} {now[path][1]}" for path in fresh)
        key = hashlib.sha256(state.encode()).hexdigest()
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=key, tags={STARTED_BY: "sensor"})])

    def tell(context: dg.RunStatusSensorContext, failure: Failure | None) -> None:
        run = context.dagster_run
        if run.tags.get(STARTED_BY) == "cli" and LOST not in run.tags:
            return
        manifest = read_manifest(settings.published_dir)
        stale = _stale_now(settings)
        if stale is None:
            # Another run is at work already; what is published says what its night found.
            stale = dict.fromkeys((manifest or {}).get("stale_tables", ()), "")
        for problem in alert_on(settings, Night(run.run_id, manifest, stale, failure)):
            context.log.warning(problem)

    @dg.run_status_sensor(
        name="tell_published",
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=jobs,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tell whom it concerns what a run of the daemon found.",
    )
    def tell_published(context: dg.RunStatusSensorContext) -> None:
        tell(context, None)

    @dg.run_failure_sensor(
        name="tell_failed",
        monitored_jobs=jobs,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tell whom it concerns that a run of the daemon failed, whichever job it was.",
    )
    def tell_failed(context: dg.RunFailureSensorContext) -> None:
        steps = [event.step_key for event in context.get_step_failure_events() if event.step_key]
        step = f"{steps[0] if steps else 'run'} of {context.dagster_run.job_name}"
        tell(context, Failure(step, "see the run in Dagster", ExitCode.NOT_PUBLISHED))

    @dg.sensor(
        name="lost_runs",
        minimum_interval_seconds=_PAUSE_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Declare runs failed whose process is gone, which would keep the next night in the queue.",
    )
    def lost_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        lost = end_lost_runs(context.instance)
        return dg.SkipReason(f"ended: {', '.join(run.run_id for run in lost)}" if lost else "every run has its process")

    return [settled_files, tell_published, tell_failed, lost_runs]


def _stale_now(settings: Settings) -> dict[str, str] | None:
    """Read from the warehouse which tables are stale; None while another process is at work in the home."""
    try:
        # Even a reader would make dbt fail, so nobody may begin meanwhile.
        with only_night(settings, attempts=1), read_warehouse(settings) as connection:
            return stale_tables(connection)
    except LeadrelayError:
        return None


def new_files(landing_dir: Path, sources: Sources) -> Iterator[tuple[str, tuple[float, float]]]:
    """Return (path, (size, time of change)) of plain files that a night would look at: without a sidecar in landing, and in the
    folders that feeds copy from.

    Parameters
    ----------
    landing_dir
        The landing folder.
    sources
        Says which folders.
    """  # noqa: D205 - one sentence that does not fit a line
    folders = {Path(f.location) for t in sources.tables.values() for f in t.feeds if isinstance(f, Feed) and f.location}
    candidates = [
        *landing_dir.glob("*/*/*/*"),
        *(path for folder in folders if folder.is_dir() for path in folder.iterdir()),
    ]
    for path in sorted(candidates):
        if path.name.startswith(".") or path.name.endswith(UNFINISHED_SUFFIXES) or path.is_symlink():
            continue
        if path.is_file() and not path.with_name(path.name + SIDECAR_SUFFIX).exists():
            state = path.stat()
            yield str(path), (float(state.st_size), state.st_mtime)


def look(
    files: Mapping[str, tuple[float, float]], seen: Seen, now: float, settle_seconds: float
) -> tuple[Seen, list[str]]:
    """Compare files with what was seen of them before.

    Parameters
    ----------
    files
        Size and time of change by path.
    seen
        From the look before; empty at first.
    now
        Seconds since 1970.
    settle_seconds
        How long a file must have stood still.

    Returns
    -------
    tuple
        What was seen now, and the paths that have settled since the look before.
    """
    after: Seen = {}
    fresh = []
    for path, (size, changed) in files.items():
        before = seen.get(path)
        is_same = before is not None and before[:2] == [size, changed]
        since = before[2] if before is not None and is_same else now
        was_settled = before is not None and is_same and bool(before[3])
        is_settled = was_settled or now - since >= settle_seconds
        if is_settled and not was_settled:
            fresh.append(path)
        after[path] = [size, changed, since, float(is_settled)]
    return after, fresh
