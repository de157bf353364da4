"""The jobs and the nightly schedule; every run says by its tags what it is and who started it.

What does not belong here: what an asset does. Who may call it: definitions.
"""

import time
from datetime import datetime, timedelta
from itertools import islice

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._utils.schedules import schedule_execution_time_iterator

from orchestration.settings import Timing

RAW_GROUP = "raw"
PUBLISHED_GROUP = "published"
INGEST_STEP = "load_raw"
NIGHTLY = "nightly"
INGEST = "ingest"
# Tags of a run, for the list of runs in the web interface.
STARTED_BY, WORK = "leadrelay/started_by", "leadrelay/work"
# Every night looks at every table, with or without new rows; more than a day and two hours without is a missed night.
RAW_FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50), warn_window=timedelta(hours=26))


def build_jobs() -> list[UnresolvedAssetJobDefinition]:
    """Return every job: the night, its three parts, and the rebuild from landing."""
    raw, published = dg.AssetSelection.groups(RAW_GROUP), dg.AssetSelection.groups(PUBLISHED_GROUP)
    return [
        dg.define_asset_job(
            NIGHTLY,
            selection=dg.AssetSelection.all(),
            tags={WORK: NIGHTLY},
            description="Load everything that has landed since, transform, check and publish.",
        ),
        dg.define_asset_job(
            INGEST,
            selection=raw,
            tags={WORK: INGEST},
            description="Load what has landed; change nothing that BI reads.",
        ),
        dg.define_asset_job(
            "transform",
            selection=dg.AssetSelection.all() - raw - published,
            tags={WORK: "transform"},
            description="Run dbt on what is loaded.",
        ),
        dg.define_asset_job(
            "publish",
            selection=published,
            tags={WORK: "publish"},
            description="Audit the marts and swap in a new version.",
        ),
        dg.define_asset_job(
            "rebuild",
            selection=dg.AssetSelection.all(),
            tags={WORK: "rebuild"},
            config={"ops": {INGEST_STEP: {"config": {"from_scratch": True}}}},
            description="Make the warehouse anew from landing, then transform, check and publish.",
        ),
    ]


def next_nights(timing: Timing, count: int) -> list[datetime]:
    """Return the next moments of the schedule, as Dagster's own scheduler reads it.

    Parameters
    ----------
    timing
        The schedule.
    count
        How many.
    """
    moments = schedule_execution_time_iterator(time.time(), timing.cron, timing.timezone)
    return list(islice(moments, count))


def build_schedules(jobs: list[UnresolvedAssetJobDefinition], timing: Timing) -> list[dg.ScheduleDefinition]:
    """Return the nightly schedule, on by default, at two in the morning of ``LEADRELAY_TIMEZONE`` (UTC when not set).

    On the night that has no such hour it runs at the next one, and once on the night that has it twice. After missed nights the daemon
    runs one night, the last of them, which finds all that has landed.
    """
    nightly = next(job for job in jobs if job.name == NIGHTLY)
    return [
        dg.ScheduleDefinition(
            name=NIGHTLY,
            job=nightly,
            cron_schedule=timing.cron,
            execution_timezone=timing.timezone,
            tags={STARTED_BY: "schedule"},
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="A missed night is caught up by the next one, since loads follow what has landed, not the calendar.",
        )
    ]
