"""How long a night takes, against what the machine could do at best.

Machines differ, so each line is a ratio: our time by the time of a plain DuckDB job on the same rows, both measured here and now.
What belongs here: measuring. What does not: asserting; the tests do that.

Run with ``make bench``, or ``python benchmarks/run.py --people 100000 --write`` to keep the table in benchmarks/results.md.
"""

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from orchestration.ingest import loader
from orchestration.ingest.contract import Contract, load_contract
from orchestration.ingest.sources import load_sources
from orchestration.ingest.warehouse import connect, prepare
from orchestration.operate.night import run_night
from orchestration.operate.privacy import switch_off_usage_reporting
from orchestration.quality.gates import judge_batch
from orchestration.quality.suites import Suite, load_suite, raw_suite_path
from orchestration.sample import write_sample
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.sql import qualified, quote_literal
from orchestration.transform.runner import LOG_FILE

RESULTS = Path(__file__).parent / "results.md"


@dataclass(frozen=True)
class Line:
    """One measured ratio or duration and the bar that it is held against."""

    what: str
    figure: float
    unit: str
    bar: float
    how: str

    @property
    def verdict(self) -> str:
        """Whether the figure keeps to the bar."""
        return "holds" if self.figure <= self.bar else "over"


def seconds(job: Callable[[], object]) -> float:
    """Return how long a job took, in seconds."""
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def copy_limit(settings: Settings, scratch: Path) -> float:
    """Read every landed file, sort the interactions by person and time, write tables; in seconds."""
    connection = duckdb.connect(str(scratch / "limit.duckdb"))

    def copy() -> None:
        for number, folder in enumerate(sorted(settings.landing_dir.glob("*/*"))):
            files = quote_literal(f"{folder}/*/*.parquet")
            source, table = folder.parts[-2:]
            order = (
                "order by anonymous_id, email, occurred_at" if (source, table) == ("engagement", "interactions") else ""
            )
            connection.execute(
                f"create table t{number} as select * from read_parquet({files}, union_by_name = true) {order}"
            )
        connection.execute("checkpoint")

    return seconds(copy)


def sort_of_touches(settings: Settings, scratch: Path) -> float:
    """Sort all touches by person and time into a new table, in seconds."""
    connection = duckdb.connect(str(scratch / "sort.duckdb"))
    connection.execute(f"attach {quote_literal(str(settings.warehouse_path))} as warehouse (read_only)")
    touches = f"warehouse.{qualified('intermediate', 'int_engagement__interactions')}"
    return seconds(
        lambda: connection.execute(f"create table sorted as select * from {touches} order by person_id, occurred_at")
    )


def plain_copy_of_marts(settings: Settings, scratch: Path) -> float:
    """Copy the published tables into a new file, in seconds."""
    connection = duckdb.connect(str(scratch / "copy.duckdb"))
    connection.execute(f"attach {quote_literal(str(settings.warehouse_path))} as warehouse (read_only)")
    tables = connection.execute(
        "select table_name from duckdb_tables() where database_name = 'warehouse' and schema_name = 'marts'"
    ).fetchall()

    def copy() -> None:
        for (table,) in tables:
            name = qualified("marts", table)
            connection.execute(f"create table {qualified('main', table)} as select * from warehouse.{name}")
        connection.execute("checkpoint")

    return seconds(copy)


def model_seconds(settings: Settings, rooms: tuple[str, ...]) -> float:
    """Sum what the models of some rooms took in the last dbt run, in seconds, by its log."""
    log = (settings.dbt_target_dir / LOG_FILE).read_text(encoding="utf-8")
    built = re.findall(r"OK created sql \w+ model \w+\.(\w+) .* in ([0-9.]+)s\]", log)
    return sum(float(taken) for model, taken in built if model.startswith(rooms))


def gate_share(people: int, days: int, home: Path) -> float:
    """Return which share of loading all tables of a sample company gate 1 takes: Great Expectations, imported before."""
    settings = Settings(home=home / "gate", sources_file=PROJECT_ROOT / "sources.yml")
    write_sample(settings.landing_dir, people, days, seed=1, file_format="parquet")
    contract = load_contract(settings.models_dir)
    sources = load_sources(settings.sources_file, contract)
    spent = 0.0

    def judge(*arguments: Any) -> Any:  # noqa: ANN401 (hands on what it gets)
        nonlocal spent
        started = time.perf_counter()
        try:
            return judge_batch(*arguments)
        finally:
            spent += time.perf_counter() - started

    with connect(settings) as connection:
        prepare(connection, contract)
        # The first validation of a process imports the library and prepares it.
        connection.execute("create temp table nothing as select 1 as _source_row, [''] as _reasons where false")
        suite = _any_suite(settings, contract)
        judge_batch(
            connection, "nothing", replace(suite, checks=suite.checks[1:2], expectations=suite.expectations[1:2])
        )
        connection.execute("drop table nothing")
        with mock.patch.object(loader, "judge_batch", judge):
            whole = seconds(
                lambda: [
                    loader.load_table(connection, settings, table, sources.feeds(name), "bench")
                    for name, table in contract.tables.items()
                ]
            )
    return spent / whole


def _any_suite(settings: Settings, contract: Contract) -> Suite:
    table = next(iter(contract.tables.values()))
    return load_suite(raw_suite_path(settings.expectations_dir, table.identifier), table.full_name)


def measure(people: int, days: int, home: Path) -> list[Line]:
    """Make a sample company, run two nights and compare them with plain jobs on the same rows."""
    settings = Settings(home=home / "home", sources_file=PROJECT_ROOT / "sources.yml")
    write_sample(settings.landing_dir, people, days, seed=1, file_format="parquet")
    scratch = home / "scratch"
    scratch.mkdir()

    nights = []

    def night() -> None:
        nights.append(run_night(settings))

    first = seconds(night)
    ledger = model_seconds(
        settings, ("int_lifecycle__", "int_scoring__", "fct_lifecycle", "fct_score", "fct_person_score")
    )
    second = seconds(night)
    for result in nights:
        if result.failure is not None:
            sys.exit(f"the night failed, so nothing was measured: {result.failure}")
    return [
        Line(
            "first night / copy limit",
            first / copy_limit(settings, scratch),
            "x",
            12,
            "10M interactions is the size the bar is meant for",
        ),
        Line(
            "gate 1 / loading",
            gate_share(people, days, home),
            "x",
            0.25,
            "Great Expectations' share of loading every table; a fixed part per table, so the size tells",
        ),
        Line("night with nothing new", second, "s", 40, "whole job: what has landed, what follows, keep the version"),
        Line(
            "ledger and score / one sort of the touches",
            ledger / sort_of_touches(settings, scratch),
            "x",
            8,
            "model times of the first night",
        ),
        Line(
            "marts copied plainly",
            plain_copy_of_marts(settings, scratch),
            "s",
            60,
            "what a publish cannot be faster than",
        ),
    ]


def main() -> None:
    """Measure, print the table and, when asked, keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--people", type=int, default=4_000)
    parser.add_argument("--days", type=int, default=540)
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/results.md")
    options = parser.parse_args()
    switch_off_usage_reporting()
    with tempfile.TemporaryDirectory() as folder:
        lines = measure(options.people, options.days, Path(folder))
    table = ["| what | figure | bar | verdict | how |", "|---|---|---|---|---|"]
    table += [f"| {x.what} | {x.figure:.2f} {x.unit} | {x.bar:g} {x.unit} | {x.verdict} | {x.how} |" for x in lines]
    print("\n".join(table))
    if options.write:
        command = f"python benchmarks/run.py --people {options.people} --days {options.days} --write"
        RESULTS.write_text(f"# Measured\n\nBy `{command}`.\n\n" + "\n".join(table) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
