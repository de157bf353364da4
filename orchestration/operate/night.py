"""One night from the command line: the nightly job through Dagster, and what it means for the exit code.

What belongs here: starting a job in this process and reading how it ended. What does not: what the steps do, or how the outcome
is shown (`screens`).
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
import duckdb
from dagster._core.definitions.job_definition import JobDefinition
from dagster._core.execution.execute_in_process_result import ExecuteInProcessResult
from sqlalchemy import event
from sqlalchemy.engine import Engine

from orchestration import errors
from orchestration.definitions import build_defs
from orchestration.errors import ExitCode, LeadrelayError
from orchestration.operate.instance import open_instance
from orchestration.operate.jobs import INGEST_STEP, NIGHTLY
from orchestration.operate.outcome import Failure, Night
from orchestration.publish.versions import read_manifest
from orchestration.settings import Settings
from orchestration.transform.assets import WARNING


def run_night(settings: Settings, as_of: str | None = None, *, from_scratch: bool = False) -> Night:
    """Run the nightly job in this process.

    Parameters
    ----------
    settings
        The home.
    as_of
        Look back from here, ISO 8601; default the latest arrival.
    from_scratch
        Load everything that has ever landed into a new warehouse.

    Returns
    -------
    Night
        A failed night is a result, not an error; what was published then stands.

    Raises
    ------
    ConfigError
        If the checkout or ``sources.yml`` cannot be read.
    """
    job = build_defs(settings).resolve_job_def(NIGHTLY)
    asked = {"as_of": as_of, "from_scratch": from_scratch}
    config = {
        "ops": {INGEST_STEP: {"config": {name: value for name, value in asked.items() if value}}},
        # The command line prints its own messages; Dagster's are in its event log.
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    result = _execute(settings, job, config)
    return Night(
        run_id=result.run_id,
        manifest=read_manifest(settings.published_dir),
        refused=_refused(settings),
        failure=None if result.success else _failure(result),
        warnings=_warnings(result),
    )


def _execute(settings: Settings, job: JobDefinition, config: Mapping[str, Any]) -> ExecuteInProcessResult:
    with _fast_event_log(), open_instance(settings) as instance:
        return job.execute_in_process(run_config=dict(config), instance=instance, raise_on_error=False)


@contextmanager
def _fast_event_log() -> Iterator[None]:
    """Let SQLite leave syncing Dagster's event log to the operating system.

    Dagster commits each of some thousand events of a night by itself; waiting for the disk each time took 50 of 78 seconds. A killed
    process loses nothing; only a power cut could cost the run's history, never data, which DuckDB and publish sync themselves.
    """

    def do_not_wait(connection: Any, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's signature
        if isinstance(connection, sqlite3.Connection):
            connection.execute("pragma synchronous = off")

    event.listen(Engine, "connect", do_not_wait)
    try:
        yield
    finally:
        event.remove(Engine, "connect", do_not_wait)


def _failure(result: ExecuteInProcessResult) -> Failure:
    for happened in result.all_events:
        if happened.event_type is dg.DagsterEventType.STEP_FAILURE:
            data = happened.step_failure_data
            step = happened.step_key or "run"
            if data.user_failure_data is not None:
                return Failure(step, data.user_failure_data.description or "", ExitCode.NOT_PUBLISHED)
            error = data.error
            while error is not None:
                kind = getattr(errors, error.cls_name or "", None)
                if isinstance(kind, type) and issubclass(kind, LeadrelayError):
                    message = error.message.split(": ", 1)[-1].strip()
                    return Failure(step, message, kind.exit_code)
                error = error.cause
            text = data.error.to_string() if data.error is not None else "no reason was given"
            return Failure(step, text, ExitCode.ERROR, is_defect=True)
    return Failure("run", "the run ended without saying why; Dagster's event log may", ExitCode.ERROR, is_defect=True)


def _warnings(result: ExecuteInProcessResult) -> tuple[str, ...]:
    """Read what steps noted for the person at the keyboard."""
    return tuple(
        str(happened.asset_observation_data.asset_observation.metadata[WARNING].value)
        for happened in result.all_events
        if happened.event_type is dg.DagsterEventType.ASSET_OBSERVATION
        and WARNING in happened.asset_observation_data.asset_observation.metadata
    )


def _refused(settings: Settings) -> dict[str, str]:
    """Read the message of each refused batch, examples included, which are for the person at the keyboard and no log."""
    from orchestration.ingest.warehouse import stale_tables

    if not settings.warehouse_path.exists():
        return {}
    try:
        with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
            return stale_tables(connection)
    except duckdb.Error:
        # Held by another process, or not prepared yet: the failure itself says so.
        return {}
