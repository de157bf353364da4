"""Dagster's own state in the home: runs, events, schedule ticks, and the end of runs that could not tell it themselves.

What does not belong here: what runs. Who may call it: the command line; ``dagster dev`` finds the same folder by ``DAGSTER_HOME``.
"""

import time
from typing import TYPE_CHECKING

import psutil

from orchestration.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun, RunRecord

# A run that was ended from outside carries this tag.
LOST = "leadrelay/lost"
# From its launch until it has a process of its own, which reads the project first.
_LONGEST_LAUNCH_SECONDS = 1800
# A process is older than what it says; the two clocks round differently.
_ROUNDING_SECONDS = 2

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
# A run that hangs is declared failed after six hours, and told; a night of millions of rows takes minutes.
run_monitoring:
  enabled: true
  start_timeout_seconds: 1800
  max_runtime_seconds: 21600
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


def end_lost_runs(instance: "DagsterInstance") -> "list[DagsterRun]":
    """Declare the runs failed whose process is gone without a word, and return them.

    Dagster notices when a run's process dies under a living daemon. After a power cut, or when the whole service was killed, the run would
    count as started for ever, and since one run goes at a time, no later night would begin.

    Parameters
    ----------
    instance
        The instance of the home, on the machine that its runs run on.
    """
    from dagster import DagsterRunStatus, RunsFilter

    under_way = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
    lost = [
        record.dagster_run
        for record in instance.get_run_records(RunsFilter(statuses=under_way))
        if _is_lost(instance, record)
    ]
    for run in lost:
        instance.add_run_tags(run.run_id, {LOST: "true"})
        instance.report_run_failed(
            run,
            "The process of this run ended without a word: killed, or the machine went down. Readers keep the version before it, and what"
            " it had loaded stays; the next night goes on from there.",
        )
    return lost


def _is_lost(instance: "DagsterInstance", record: "RunRecord") -> bool:
    from dagster import DagsterEventType

    events = instance.all_logs(record.dagster_run.run_id, of_type=DagsterEventType.ENGINE_EVENT)
    told = [
        (int(str(event.dagster_event.engine_event_data.metadata["pid"].value)), event.timestamp)
        for event in events
        if event.dagster_event and "pid" in event.dagster_event.engine_event_data.metadata
    ]
    if not told:
        return time.time() - record.update_timestamp.timestamp() > _LONGEST_LAUNCH_SECONDS
    return not is_still_there(*told[-1])


def is_still_there(pid: int, moment: float) -> bool:
    """Return whether the process that had a number at a moment (seconds since 1970) has it now: numbers are given again."""
    try:
        return float(psutil.Process(pid).create_time()) <= moment + _ROUNDING_SECONDS
    except psutil.NoSuchProcess:
        return False
