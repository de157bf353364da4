"""One night from the command line: the nightly job through Dagster, and what it means for the exit code.

What belongs here: starting a job in this process and reading how it ended. What does not: what the steps do, or how the outcome
is shown (`screens`).
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import dagster as dg
import duckdb
from dagster._core.definitions.job_definition import JobDefinition
from dagster._core.execution.execute_in_process_result import ExecuteInProcessResult
from dagster._core.execution.plan import active as execution_plan
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import QueuePool

from orchestration import errors
from orchestration.definitions import build_defs
from orchestration.errors import ExitCode, LeadrelayError, StorageError, storage_problem
from orchestration.operate.alerts import alert_on
from orchestration.operate.instance import end_lost_runs, open_instance
from orchestration.operate.jobs import INGEST_STEP, NIGHTLY, STARTED_BY
from orchestration.operate.lock import only_night
from orchestration.operate.outcome import Failure, Night
from orchestration.publish.versions import read_manifest
from orchestration.settings import Settings
from orchestration.transform.assets import DECIDED, KEPT_VERSION, WARNING
from orchestration.transform.runner import call_off_dbt

_INTERRUPTED = "What was loaded is kept and is not loaded again. Next: leadrelay run"


def run_night(
    settings: Settings, as_of: str | None = None, *, from_scratch: bool = False, reads_sources: bool = True
) -> Night:
    """Run the nightly job in this process.

    Parameters
    ----------
    settings
        The home.
    as_of
        Look back from here, ISO 8601; default the latest arrival.
    from_scratch
        Load everything that has ever landed into a new warehouse.
    reads_sources
        Whether databases, APIs and object stores are asked for what is new; what has landed is loaded all the same.

    Returns
    -------
    Night
        A failed night is a result, not an error; what was published then stands.

    Raises
    ------
    ConfigError
        If the checkout or ``sources.yml`` cannot be read.
    """
    asked: dict[str, Any] = {"as_of": as_of, "from_scratch": from_scratch}
    if not reads_sources:
        asked["without_readers"] = True
    config = {
        "ops": {INGEST_STEP: {"config": {name: value for name, value in asked.items() if value}}},
        # The command line prints its own messages; Dagster's are in its event log.
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    with _spoken_of(settings), only_night(settings):
        job = build_defs(settings).resolve_job_def(NIGHTLY)
        result, lost = _execute(settings, job, config)
    night = Night(
        run_id=result.run_id,
        manifest=read_manifest(settings.published_dir),
        refused=_refused(settings),
        failure=None if result.success else _failure(result),
        warnings=(*map(_told_lost, lost), *_notes(result, WARNING)),
        decided=_notes(result, DECIDED),
        kept_version=next(iter(_notes(result, KEPT_VERSION)), None),
    )
    return replace(night, warnings=(*night.warnings, *alert_on(settings, night)))


def _execute(
    settings: Settings, job: JobDefinition, config: Mapping[str, Any]
) -> tuple[ExecuteInProcessResult, list[dg.DagsterRun]]:
    # When nothing is new the step that publishes is skipped, and Dagster warns of each check that did not run before it.
    logging.getLogger(execution_plan.__name__).setLevel(logging.ERROR)
    with _fast_event_log(), _keys_found_once(), open_instance(settings) as instance:
        lost = end_lost_runs(instance)
        try:
            result = job.execute_in_process(
                run_config=dict(config), instance=instance, raise_on_error=False, tags={STARTED_BY: "cli"}
            )
        finally:
            call_off_dbt()
    return result, lost


def _told_lost(run: dg.DagsterRun) -> str:
    began_by = run.tags.get(STARTED_BY, "hand")
    return f"run {run.run_id[:8]} ({run.job_name}, by {began_by}) before this one ended without a word: killed, or the machine went down"


@contextmanager
def _spoken_of(settings: Settings) -> Iterator[None]:
    """Say in words what the disk under the home refuses, whoever met it: Dagster's own books lie on it too."""
    try:
        yield
    except LeadrelayError:
        raise
    except dg.DagsterExecutionInterruptedError:
        raise KeyboardInterrupt from None
    except Exception as error:
        told = storage_problem(f"{type(error).__name__}: {error}")
        if told is None:
            raise
        raise StorageError(f"{settings.home}: {told}") from error


@contextmanager
def _fast_event_log() -> Iterator[None]:
    """Keep Dagster's event log open for the length of a night, and leave syncing it to the operating system.

    Dagster opens SQLite anew for each of some thousand events, prepares the same few statements again and waits for the disk; that was a
    third of a night in which little lands. A killed process loses nothing; only a power cut could cost the run's history, never data,
    which DuckDB and publish sync themselves.
    """
    make_engine: Callable[..., Engine] = sqlite_event_log.create_engine  # type: ignore[attr-defined]
    engines: dict[str, Engine] = {}

    def kept_engine(url: str, **options: Any) -> Engine:  # noqa: ANN401 - SQLAlchemy's signature
        if url not in engines:
            # Dagster's own lock lets one thread at a time work with it.
            options |= {"poolclass": QueuePool}
            options["connect_args"] = {**options.get("connect_args", {}), "check_same_thread": False}
            engine = engines[url] = make_engine(url, **options)
            event.listen(engine, "connect", _do_not_wait)
            # Dagster disposes of an engine after each event.
            engine.dispose = lambda **_: None  # type: ignore[method-assign]
        return engines[url]

    sqlite_event_log.create_engine = kept_engine  # type: ignore[attr-defined, assignment]
    try:
        yield
    finally:
        sqlite_event_log.create_engine = make_engine  # type: ignore[attr-defined]
        for engine in engines.values():
            Engine.dispose(engine)


@contextmanager
def _keys_found_once() -> Iterator[None]:
    """Let Dagster find the keys of a step once.

    Whether an output comes before what hangs on it is asked for each of some hundred outputs, each time by making the set of all keys
    of the step for each output again. Definitions do not change while they run.
    """
    definition: Any = dg.AssetsDefinition
    keys = definition.asset_and_check_keys
    definition.asset_and_check_keys = property(cache(keys.fget))
    try:
        yield
    finally:
        definition.asset_and_check_keys = keys


def _do_not_wait(connection: Any, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's signature
    connection.execute("pragma synchronous = off")


def _failure(result: ExecuteInProcessResult) -> Failure:
    for happened in result.all_events:
        if happened.event_type is dg.DagsterEventType.STEP_FAILURE:
            data = happened.step_failure_data
            step = happened.step_key or "run"
            if data.user_failure_data is not None:
                told = data.user_failure_data.description or ""
                # A model that the disk refused is no matter of the model.
                return Failure(step, "\n".join(filter(None, [told, storage_problem(told)])), ExitCode.NOT_PUBLISHED)
            error = data.error
            while error is not None:
                # DuckDB wraps what interrupts its query.
                if error.cls_name == dg.DagsterExecutionInterruptedError.__name__:
                    return Failure(step, _INTERRUPTED, ExitCode.INTERRUPTED)
                if refused := storage_problem(error.message):
                    return Failure(step, refused, ExitCode.NOT_PUBLISHED)
                kind = getattr(errors, error.cls_name or "", None)
                if isinstance(kind, type) and issubclass(kind, LeadrelayError):
                    message = error.message.split(": ", 1)[-1].strip()
                    return Failure(step, message, kind.exit_code)
                error = error.cause
            text = data.error.to_string() if data.error is not None else "no reason was given"
            return Failure(step, text, ExitCode.ERROR, is_defect=True)
    return Failure("run", "the run ended without saying why; Dagster's event log may", ExitCode.ERROR, is_defect=True)


def _notes(result: ExecuteInProcessResult, name: str) -> tuple[str, ...]:
    """Read what steps noted under a name for the person at the keyboard."""
    return tuple(
        str(happened.asset_observation_data.asset_observation.metadata[name].value)
        for happened in result.all_events
        if happened.event_type is dg.DagsterEventType.ASSET_OBSERVATION
        and name in happened.asset_observation_data.asset_observation.metadata
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
