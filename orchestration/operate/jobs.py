"""The jobs and the nightly schedule.

What does not belong here: what an asset does. Who may call it: definitions.
"""

import os

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

RAW_GROUP = "raw"
PUBLISHED_GROUP = "published"
INGEST_STEP = "load_raw"
NIGHTLY = "nightly"
# After the last export of the evening and before the first reader; the timezone is the company's, not the server's.
_SCHEDULE = "0 2 * * *"


def build_jobs() -> list[UnresolvedAssetJobDefinition]:
    """Return every job: the night, its three parts, and the rebuild from landing."""
    raw, published = dg.AssetSelection.groups(RAW_GROUP), dg.AssetSelection.groups(PUBLISHED_GROUP)
    return [
        dg.define_asset_job(
            NIGHTLY,
            selection=dg.AssetSelection.all(),
            description="Load everything that has landed since, transform, check and publish.",
        ),
        dg.define_asset_job("ingest", selection=raw, description="Load what has landed; change nothing that BI reads."),
        dg.define_asset_job(
            "transform",
            selection=dg.AssetSelection.all() - raw - published,
            description="Run dbt on what is loaded.",
        ),
        dg.define_asset_job("publish", selection=published, description="Audit the marts and swap in a new version."),
        dg.define_asset_job(
            "rebuild",
            selection=dg.AssetSelection.all(),
            config={"ops": {INGEST_STEP: {"config": {"from_scratch": True}}}},
            description="Make the warehouse anew from landing, then transform, check and publish.",
        ),
    ]


def build_schedules(jobs: list[UnresolvedAssetJobDefinition]) -> list[dg.ScheduleDefinition]:
    """Return the nightly schedule, on by default, at two in the morning of ``LEADRELAY_TIMEZONE`` (UTC when not set)."""
    nightly = next(job for job in jobs if job.name == NIGHTLY)
    return [
        dg.ScheduleDefinition(
            name=NIGHTLY,
            job=nightly,
            cron_schedule=_SCHEDULE,
            execution_timezone=os.environ.get("LEADRELAY_TIMEZONE") or "UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="A missed night is caught up by the next one, since loads follow what has landed, not the calendar.",
        )
    ]
