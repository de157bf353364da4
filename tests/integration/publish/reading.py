"""Publishes of a small company, over and over, and three kinds of readers in processes of their own; for the suite and `benchmarks/readers.py`.

Every row of every table of a version carries the version's number, and the number of rows follows from it: a read that mixes two
versions, or half of one, shows.
"""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.publish.build import MARTS_FILE, build_files
from orchestration.publish.policy import PiiPolicy, PublishedColumn, PublishedTable
from orchestration.publish.versions import CURRENT, current_version, new_version, version_name

TABLES = ("dim_person", "fct_move", "mart_count")
ROWS = 300
QUESTION = " union all ".join(
    f"select '{table}', min(version), max(version), count(*) from marts.{table}" for table in TABLES
)
STOP = "stop"


@dataclass
class Tally:
    """What one reader saw."""

    reads: int = 0
    torn: int = 0
    errors: list[str] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)

    def see(self, ask: Callable[[], list[tuple[Any, ...]]]) -> None:
        """Ask once and judge the answer."""
        try:
            rows = ask()
        except Exception as error:  # noqa: BLE001 - any error is what is counted
            self.errors.append(f"{type(error).__name__}: {error}"[:300])
            return
        found = {number for _, low, high, _ in rows for number in (low, high)}
        self.reads += 1
        if len(found) != 1 or [count for *_, count in rows] != [ROWS + min(found)] * len(TABLES):
            self.torn += 1
        self.versions.append(min(found))


def read_with_one_connection(path: Path, seconds: float, folder: Path) -> list[Tally]:
    """Keep one connection for as long as it goes on."""
    tally = Tally()
    with duckdb.connect(str(path), read_only=True) as connection:
        _until_stopped(folder, seconds, lambda: tally.see(lambda: connection.execute(QUESTION).fetchall()))
    return [tally]


def read_with_a_connection_per_query(path: Path, seconds: float, folder: Path) -> list[Tally]:
    """Open, ask and close, in four threads; the link is resolved first, as a dashboard does that wants the newest version."""

    def ask() -> list[tuple[Any, ...]]:
        with duckdb.connect(str(path.resolve()), read_only=True) as connection:
            return connection.execute(QUESTION).fetchall()

    return _in_threads(4, folder, seconds, ask)


def read_pooled(path: Path, seconds: float, folder: Path) -> list[Tally]:
    """Ask as Superset does: SQLAlchemy with duckdb-engine over a pool that is recycled, by the link's own path."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import QueuePool

    engine = create_engine(
        f"duckdb:///{path}",
        connect_args={"read_only": True},
        poolclass=QueuePool,
        pool_size=3,
        max_overflow=2,
        pool_recycle=1,
    )

    def ask() -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(QUESTION)).fetchall()]

    return _in_threads(4, folder, seconds, ask)


READERS = {
    "one connection": read_with_one_connection,
    "a connection per query, 4 threads": read_with_a_connection_per_query,
    "pooled, 4 threads": read_pooled,
}


def _in_threads(count: int, folder: Path, seconds: float, ask: Callable[[], list[tuple[Any, ...]]]) -> list[Tally]:
    tallies = [Tally() for _ in range(count)]
    threads = [
        threading.Thread(target=_until_stopped, args=(folder, seconds, lambda tally=tally: tally.see(ask)))
        for tally in tallies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tallies


def _until_stopped(folder: Path, pause: float, ask: Callable[[], None]) -> None:
    while not (folder / STOP).exists():
        ask()
        time.sleep(pause)
    ask()


def fill(warehouse: Path, number: int) -> None:
    """Make the small company of one version."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema if not exists marts")
        for table in TABLES:
            connection.execute(
                f"create or replace table marts.{table} as select {number} as version, 'a' || i || '@x.com' as email "
                f"from range({ROWS + number}) as t (i)"
            )


def publish_once(published: Path, warehouse: Path, number: int) -> None:
    """Publish one version by the product's own code: build both files, sync, rename, swap the link, prune."""
    columns = (PublishedColumn("version", PiiPolicy.KEEP, ""), PublishedColumn("email", PiiPolicy.HMAC, ""))
    tables = [
        PublishedTable(name=table, schema="marts", description="One row per row.", columns=columns) for table in TABLES
    ]
    fill(warehouse, number)
    with new_version(published, version_name(datetime.now(tz=UTC), f"{number:08}")) as folder:
        build_files(warehouse, folder, tables, b"k" * 32)
        (folder / "manifest.json").write_text(
            json.dumps({"version": folder.name.removeprefix(".tmp-")}), encoding="utf-8"
        )


def publish_under_readers(folder: Path, publishes: int, pause: float) -> dict[str, Counter[str]]:
    """Publish so often while all readers read; return what each kind of them saw."""
    published, warehouse = folder / "published", folder / "warehouse.duckdb"
    publish_once(published, warehouse, 0)
    path = published / CURRENT / MARTS_FILE
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-m", "tests.integration.publish.reading", name, str(path), str(pause), str(folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in READERS
    }
    for process in processes.values():
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
    try:
        for number in range(1, publishes + 1):
            publish_once(published, warehouse, number)
    finally:
        time.sleep(1.2)
        (folder / STOP).touch()
        told = {name: process.communicate(timeout=60)[0] for name, process in processes.items()}
    assert current_version(published) is not None
    return {name: _summary(json.loads(text), publishes) for name, text in told.items()}


def _summary(tallies: list[dict[str, Any]], publishes: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    for tally in tallies:
        seen["reads"] += tally["reads"]
        seen["torn"] += tally["torn"]
        seen["errors"] += len(tally["errors"])
        seen["back in time"] += sum(
            later < earlier for earlier, later in zip(tally["versions"], tally["versions"][1:], strict=False)
        )
        seen["versions"] = max(seen["versions"], len(set(tally["versions"])))
        seen["ends on the newest"] += tally["versions"][-1] == publishes if tally["versions"] else 0
        for error in tally["errors"][:2]:
            seen[f"error: {error}"] += 1
    return seen


def main() -> None:
    """Read until told to stop, as a process of its own."""
    name, path, pause, folder = sys.argv[1:]
    print("reading", flush=True)  # noqa: T201 (the parent waits for it)
    tallies = READERS[name](Path(path), float(pause), Path(folder))
    print(json.dumps([vars(tally) for tally in tallies]))  # noqa: T201 (the parent reads it)


if __name__ == "__main__":
    main()
