"""Nights that are killed: how many kills are survived, of how many tried.

A company stands after its first night; more has landed. One home goes through that second night undisturbed. Others are killed with
SIGKILL at random moments of it, several times in a row, then run to the end: every published mart must be the same, row for row. Every
fifth of them starts with nothing at all and is killed in its first night.
What belongs here: killing and comparing. What does not: what a night does.

Run with ``python benchmarks/crash.py --kills 50``. Ends with 1 when a kill was not survived.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.operate.privacy import switch_off_usage_reporting
from orchestration.publish.build import MARTS_FILE, PEOPLE_FILE
from orchestration.publish.privacy import KEY_FILE_NAME
from orchestration.publish.versions import current_version
from orchestration.sample import write_sample
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.sql import quote_identifier

# One home is killed so often before it may end, so that a night is also killed while it heals.
KILLS_IN_A_ROW = 5
FROM_NOTHING = 5
# A run that takes longer than this hangs.
LIMIT_SECONDS = 1800


@dataclass(frozen=True)
class Ended:
    """One undisturbed run."""

    exit_code: int
    seconds: float
    told: str


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a night in a home of its own."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LEADRELAY_", "DBT_", "DAGSTER_"))
    }
    return {
        **kept,
        "LEADRELAY_HOME": str(settings.home),
        "LEADRELAY_SOURCES": str(settings.sources_file),
        "PYTHONPATH": str(PROJECT_ROOT),
    }


def start(settings: Settings, *arguments: str) -> "subprocess.Popen[str]":
    """Start `leadrelay run` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "run", *arguments],
        env=environment(settings),
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run(settings: Settings, *arguments: str) -> Ended:
    """Run a night to its end."""
    started = time.perf_counter()
    process = start(settings, *arguments)
    told, _ = process.communicate(timeout=LIMIT_SECONDS)
    return Ended(process.returncode, time.perf_counter() - started, told)


def kill_after(settings: Settings, seconds: float, *arguments: str) -> bool:
    """Start a night and kill it, and whatever it has started, after so many seconds; false when it had ended by then."""
    process = start(settings, *arguments)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    return False


def fingerprints(settings: Settings, without: Sequence[str] = ()) -> dict[str, str]:
    """Return the content of every published table but the books of the runs, one code per table; doubles to nine digits.

    Parameters
    ----------
    settings
        The home.
    without
        Tables and columns that are not compared.
    """
    version = current_version(settings.published_dir)
    if version is None:
        return {}
    found: dict[str, str] = {}
    for file in (MARTS_FILE, PEOPLE_FILE):
        with duckdb.connect(str(version / file), read_only=True) as connection:
            columns: dict[str, list[str]] = {}
            query = "select table_name, column_name, data_type from duckdb_columns() where not internal order by all"
            for table, column, kind in connection.execute(query).fetchall():
                name = quote_identifier(column)
                if not {table, column} & {*without}:
                    columns.setdefault(table, []).append(f"round({name}, 9)" if kind == "DOUBLE" else name)
            for table, names in columns.items():
                if not table.startswith("ops_"):
                    content = f"select count(*), bit_xor(hash({', '.join(names)})) from marts.{quote_identifier(table)}"
                    found[f"{file}: {table}"] = str(connection.execute(content).fetchone())
    return found


def lost_rows(settings: Settings) -> int:
    """Return how many loaded files do not add up in the warehouse's books, or have other rows in raw than the books say."""
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        row = connection.execute(
            "select count(*) from ops.loads where status = 'loaded' and rows_in <> rows_loaded + rows_quarantined + rows_collapsed"
        ).fetchone()
        lost = int(row[0]) if row else 0
        tables = connection.execute("select table_name from duckdb_tables() where schema_name = 'raw'").fetchall()
        for (table,) in tables:
            query = (
                f"select count(*) from (select load_id, rows_loaded from ops.loads where status = 'loaded' and source_table = ?) as l "
                f"full join (select _load_id as load_id, count(*) as row_count from raw.{quote_identifier(table)} group by all) as r "
                "using (load_id) where coalesce(rows_loaded, 0) <> coalesce(row_count, 0)"
            )
            row = connection.execute(query, [table.replace("__", ".", 1)]).fetchone()
            lost += int(row[0]) if row else 0
    return lost


def split_landing(settings: Settings, later: Path) -> None:
    """Move what arrived in the last tenth of the time out of landing."""
    sidecars = sorted(settings.landing_dir.glob("*/*/*/*.arrival.json"))
    arrived = {path: json.loads(path.read_text(encoding="utf-8"))["arrived_at"] for path in sidecars}
    cut = sorted(arrived.values())[len(arrived) * 9 // 10]
    for path, moment in arrived.items():
        if moment >= cut:
            target = later / path.parent.relative_to(settings.landing_dir)
            target.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)
            shutil.move(path.with_name(path.name.removesuffix(".arrival.json")), target)


def measure(kills: int, seed: int, people: int, days: int, folder: Path) -> tuple[int, list[str]]:
    """Kill so many nights; return how many were tried, and what was not survived."""
    dice = random.Random(seed)  # noqa: S311 (moments, no secret)
    # Every night runs in this one folder, as a company's do; what a night begins with is kept beside it and copied back.
    home = Settings(home=folder / "home", sources_file=PROJECT_ROOT / "sources.yml")
    begins, begins_fresh = folder / "second night", folder / "first night"
    write_sample(home.landing_dir, people, days, seed)
    split_landing(home, folder / "later")
    assert_well(run(home))
    shutil.copytree(folder / "later", home.landing_dir, dirs_exist_ok=True)
    shutil.copytree(home.landing_dir, begins_fresh / home.landing_dir.name)
    # Made by each home for itself, and in every published hash.
    shutil.copy(home.home / KEY_FILE_NAME, begins_fresh)
    home.home.rename(begins)
    whole, whole_ended = undisturbed(home, begins)
    fresh, fresh_ended = undisturbed(home, begins_fresh)
    tried, problems, number = 0, [], 0
    while tried < kills:
        number += 1
        is_fresh = number % FROM_NOTHING == 0
        expected, ended = (fresh, fresh_ended) if is_fresh else (whole, whole_ended)
        shutil.copytree(begins_fresh if is_fresh else begins, home.home, symlinks=True)
        moments: list[float] = []
        while len(moments) < KILLS_IN_A_ROW and tried < kills:
            moment = dice.uniform(0.2, 1.05) * ended.seconds
            if not kill_after(home, moment):
                break
            tried += 1
            moments.append(moment)
            problems += [f"{moments}: {problem}" for problem in while_down(home)]
        problems += [f"home {number}, killed at {[round(m, 1) for m in moments]} s: {x}" for x in after(home, expected)]
        shutil.rmtree(home.home)
        print(
            f"{tried:>4} kills, {len(problems)} problems", *problems[-3:], sep="\n      ", file=sys.stderr, flush=True
        )
    return tried, problems


def undisturbed(settings: Settings, begins: Path) -> tuple[dict[str, str], Ended]:
    """Let a night run to the end from where it begins; return what it publishes and how it ended."""
    shutil.copytree(begins, settings.home, symlinks=True)
    ended = run(settings)
    assert_well(ended)
    found = fingerprints(settings)
    shutil.rmtree(settings.home)
    return found, ended


def assert_well(ended: Ended) -> None:
    """End here when an undisturbed night does not publish."""
    if ended.exit_code:
        sys.exit(f"the undisturbed night ended with {ended.exit_code}, so nothing was measured:\n{ended.told[-2000:]}")


def while_down(settings: Settings) -> list[str]:
    """Return what a reader sees amiss between the kill and the next run."""
    version = current_version(settings.published_dir)
    if version is None:
        return []
    try:
        with duckdb.connect(str(version / MARTS_FILE), read_only=True) as connection:
            connection.execute("select count(*) from marts.dim_person").fetchone()
    except duckdb.Error as error:
        return [f"the published file cannot be read: {error}"]
    return []


def after(settings: Settings, expected: dict[str, str], without: Sequence[str] = ()) -> list[str]:
    """Run a killed home to the end and return what is not as in the undisturbed one, some tables and columns left out."""
    ended = run(settings)
    if ended.exit_code:
        return [f"the next run ended with {ended.exit_code}: {ended.told[-1500:]}"]
    found = fingerprints(settings, without)
    different = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    problems = [f"another content: {', '.join(different)}"] if different else []
    if lost := lost_rows(settings):
        problems.append(f"{lost} files whose rows do not add up")
    leftovers = [*settings.home.glob(".load-*"), *settings.published_dir.glob("versions/.tmp-*")]
    if leftovers:
        problems.append(f"left behind: {', '.join(path.name for path in leftovers)}")
    return problems


def main(arguments: Sequence[str] | None = None) -> None:
    """Kill, compare and print the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--people", type=int, default=150)
    parser.add_argument("--days", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    switch_off_usage_reporting()
    with tempfile.TemporaryDirectory() as folder:
        tried, problems = measure(options.kills, options.seed, options.people, options.days, Path(folder))
    print("\n".join(problems))
    print(f"kills survived / tried: {tried - min(tried, len(problems))} / {tried}")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
