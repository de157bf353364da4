"""One dbt command in this process, its results as they come.

Starting dbt as a second process costs about five seconds a night on two cores, most of it importing the same libraries again;
dbt's own `dbtRunner` does the same work here. Its events are those of dbt's JSON log, so dagster-dbt reads them unchanged.
What does not belong here: what to select and what a failure means (`assets`).
"""

import ctypes
import gc
import threading
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Any, TextIO
from weakref import WeakSet

from orchestration.errors import WarehouseLockedError
from orchestration.settings import Settings
from orchestration.transform.project import dbt_session

# The events that say how one node ended; all others are progress for dbt's own console.
_RESULT_EVENTS = frozenset({"LogModelResult", "LogSeedResult", "LogSnapshotResult", "LogTestResult"})
# dbt formats every event, its debugging ones too, for each of its logs before it looks at their level; ours holds the others. The
# manifest beside the home is that of this project already; writing it again, and the results, takes seconds and helps nobody.
_LEAN = ("--log-level", "none", "--log-level-file", "none", "--no-write-json")
LOG_FILE = "dbt.log"
# Threads of dbt's pool, as Python names them; a query that was broken off ends within moments.
_WORKER = "(worker)"
_PATIENCE_SECONDS = 10
_RUNS: WeakSet[Generator[dict[str, Any], None, "DbtOutcome"]] = WeakSet()
_PASSED = frozenset({"success", "pass"})
_FAILED = frozenset({"error", "fail", "runtime error"})


@dataclass(frozen=True)
class NodeFailure:
    """One dbt node that did not end well.

    Parameters
    ----------
    name
        Name of the model, seed or test.
    kind
        dbt's resource type.
    message
        dbt's message, whole.
    failing_rows
        Rows that a test returned; ``None`` for anything that is not a test.
    compiled_sql
        The statement that ran; a failed test's rows can be read with it.
    tested_model
        Unique id of the model that a generic test is attached to.
    """

    name: str
    kind: str
    message: str
    failing_rows: int | None = None
    compiled_sql: str = ""
    tested_model: str | None = None


@dataclass(frozen=True)
class DbtOutcome:
    """How a dbt command ended; ``passed`` holds the unique ids of what succeeded without a warning."""

    success: bool
    failures: tuple[NodeFailure, ...] = ()
    skipped: int = 0
    message: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    passed: tuple[str, ...] = ()


def run_dbt(settings: Settings, arguments: Sequence[str]) -> Generator[dict[str, Any], None, DbtOutcome]:
    """Run one dbt command and yield each node's result event while it runs.

    Parameters
    ----------
    settings
        The home whose warehouse dbt works in. Nobody else may hold it.
    arguments
        dbt's command line without ``dbt``.

    Yields
    ------
    dict
        dbt's structured log event of a finished model, seed, snapshot or test.

    Returns
    -------
    DbtOutcome
        The warehouse is closed when it comes.

    Raises
    ------
    WarehouseLockedError
        If another process holds the warehouse.
    """
    run = _run_dbt(settings, arguments)
    _RUNS.add(run)
    return run


def call_off_dbt() -> None:
    """End every run that nobody asks for its next result any more, as when Dagster broke off and still holds the step."""
    for run in list(_RUNS):
        run.close()


def _run_dbt(settings: Settings, arguments: Sequence[str]) -> Generator[dict[str, Any], None, DbtOutcome]:
    from dbt.cli.main import dbtRunner, dbtRunnerResult
    from dbt_common.events.functions import msg_to_dict

    events: SimpleQueue[dict[str, Any] | dbtRunnerResult] = SimpleQueue()

    def work(log: TextIO) -> None:
        def collect(event: Any) -> None:  # noqa: ANN401 - dbt's events are generated protobuf classes
            if event.info.level != "debug":
                log.write(f"{datetime.now(tz=UTC):%H:%M:%S} {event.info.level:<5} {event.info.msg}\n")
            if event.info.name in _RESULT_EVENTS:
                events.put(msg_to_dict(event))

        try:
            result = dbtRunner(callbacks=[collect]).invoke([*_LEAN, *arguments])
        except BaseException as error:  # noqa: BLE001 - called off, or its log cannot be written: whoever waits must hear of it
            result = dbtRunnerResult(success=False, exception=error)
        events.put(result)

    settings.dbt_target_dir.mkdir(parents=True, exist_ok=True)
    with dbt_session(settings), (settings.dbt_target_dir / LOG_FILE).open("w", encoding="utf-8") as log:
        # A daemon: should the process end all the same, it does not wait, and DuckDB keeps what was committed.
        thread = threading.Thread(target=work, args=(log,), name="dbt", daemon=True)
        others = set(threading.enumerate())
        thread.start()
        try:
            while not isinstance(event := events.get(), dbtRunnerResult):
                yield event
        except BaseException:
            # Interrupted, or whoever asked wants no more of it. Until dbt has ended its environment and the warehouse are its own.
            _call_off(thread, others)
            # What dbt raised, wherever it was, holds its connections by its frames.
            while not events.empty():
                events.get()
            gc.collect()
            _close_warehouse()
            raise
        thread.join()
    _close_warehouse()
    return _outcome(event)


def _call_off(thread: threading.Thread, others: set[threading.Thread]) -> None:
    """Tell dbt what Ctrl-C tells its own process, break off the queries that it waits for, and wait until it has ended: no other node begins.

    A thread that still works in DuckDB when Python ends would take the process down with an abort, whatever its exit code was to be.
    """
    from dbt.adapters.factory import get_adapter_by_type

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(KeyboardInterrupt))
    # What cannot be broken off, because it has not begun or ends in this moment, ends by itself; the first error is what counts.
    with suppress(Exception):
        get_adapter_by_type("duckdb").connections.cancel_open()
    thread.join()
    for worker in set(threading.enumerate()) - others:
        if worker.name.endswith(_WORKER):
            worker.join(_PATIENCE_SECONDS)


def _close_warehouse() -> None:
    """Let go of the warehouse file, which dbt-duckdb keeps open for the life of a process."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import cleanup_connections, reset_adapters

    cleanup_connections()
    reset_adapters()
    DuckDBConnectionManager.close_all_connections()


def _outcome(result: Any) -> DbtOutcome:  # noqa: ANN401 - dbt does not export a type for what `invoke` returns
    if result.exception is not None:
        message = str(result.exception)
        if "Could not set lock" in message or "Conflicting lock" in message:
            raise WarehouseLockedError(message)
        return DbtOutcome(success=False, message=message)
    results = list(getattr(result.result, "results", None) or ())
    counts: dict[str, int] = {}
    for item in results:
        counts[str(item.status)] = counts.get(str(item.status), 0) + 1
    return DbtOutcome(
        success=result.success,
        failures=tuple(_failure(item) for item in results if str(item.status) in _FAILED),
        skipped=counts.get("skipped", 0),
        counts=counts,
        passed=tuple(item.node.unique_id for item in results if str(item.status) in _PASSED),
    )


def _failure(item: Any) -> NodeFailure:  # noqa: ANN401 - see _outcome
    node = item.node
    kind = str(node.resource_type)
    return NodeFailure(
        name=node.name,
        kind=kind,
        message=" ".join((item.message or "").split()),
        failing_rows=item.failures if kind == "test" else None,
        compiled_sql=getattr(node, "compiled_code", None) or "",
        tested_model=getattr(node, "attached_node", None),
    )
