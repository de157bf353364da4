"""Everything that exists, on one page: the Dagster code location.

    landed files -> raw tables -> dbt's models -> published files
        (ingest step)          (dbt step)    (publish step)

Nothing happens at import; `build_defs` reads the contract, the suites and dbt's manifest when Dagster asks for it.
Start the web interface with ``DAGSTER_HOME="$PWD/.leadrelay/dagster" dagster dev``.
"""

import os

import dagster as dg

from orchestration.operate.jobs import build_jobs, build_schedules
from orchestration.operate.privacy import switch_off_usage_reporting
from orchestration.operate.raw_assets import build_raw_assets
from orchestration.operate.sensors import build_sensors
from orchestration.publish.assets import build_publish_assets
from orchestration.settings import Settings, load_settings, load_timing
from orchestration.transform.assets import build_dbt_assets
from orchestration.transform.project import load_manifest


def build_defs(settings: Settings | None = None) -> dg.Definitions:
    """Return assets, checks, jobs, the schedule and the sensors of one leadrelay home.

    Parameters
    ----------
    settings
        The home and checkout; default what the environment says.

    Returns
    -------
    dagster.Definitions
        One process runs a job, since the warehouse has one holder at a time.

    Raises
    ------
    ConfigError
        If the contract, a suite or the dbt project cannot be read.
    """
    switch_off_usage_reporting()
    settings = settings or load_settings()
    manifest = load_manifest(settings)
    jobs, timing = build_jobs(), load_timing()
    return dg.Definitions(
        assets=[
            build_raw_assets(settings),
            build_dbt_assets(settings, manifest),
            build_publish_assets(settings, manifest),
        ],
        jobs=jobs,
        schedules=build_schedules(jobs, timing),
        sensors=build_sensors(settings, jobs, timing),
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the code location that ``dagster dev`` loads."""
    # The daemon's files are the owner's alone, as those of the command line are.
    os.umask(0o077)
    return build_defs()
