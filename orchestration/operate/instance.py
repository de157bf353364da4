"""Dagster's own state in the home: runs, events, schedule ticks.

What does not belong here: what runs. Who may call it: the command line; ``dagster dev`` finds the same folder by ``DAGSTER_HOME``.
"""

from typing import TYPE_CHECKING

from orchestration.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

# The warehouse has one writer, so the queue lets one run go at a time. Console output is not captured: leadrelay's own
# messages are in the event log, and each captured step would start two helper processes.
_DAGSTER_YAML = """\
# Written by leadrelay when it is missing; yours to change.
telemetry:
  enabled: false
# No dialogue that asks for an address.
nux:
  enabled: false
# A failed run is not repeated: readers try again by themselves, and what else fails would fail again.
run_retries:
  enabled: false
freshness:
  enabled: true
concurrency:
  runs:
    max_concurrent_runs: 1
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
python_logs:
  managed_python_loggers: [orchestration]
  python_log_level: INFO
"""


def prepare_dagster_home(settings: Settings) -> None:
    """Make ``LEADRELAY_HOME/dagster`` with its configuration, unless it is there."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    config = settings.dagster_home / "dagster.yaml"
    if not config.exists():
        config.write_text(_DAGSTER_YAML, encoding="utf-8")


def open_instance(settings: Settings) -> "DagsterInstance":
    """Return the Dagster instance of the home; use it as a context manager."""
    from dagster import DagsterInstance

    prepare_dagster_home(settings)
    return DagsterInstance.from_config(str(settings.dagster_home))
