"""While one process works in a home, nobody else's step, erasure or retention does, and each of them names who does."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from orchestration import cli
from orchestration.definitions import build_defs
from orchestration.erase.forget import forget
from orchestration.errors import ExitCode
from orchestration.operate.instance import open_instance
from orchestration.operate.lock import LOCK_FILE
from orchestration.settings import PROJECT_ROOT

# Another night between two of its steps: it holds the home and not the warehouse.
HOLDER = """
import sys
from pathlib import Path
from orchestration.operate.lock import only_night
from orchestration.settings import Settings

home = Path(sys.argv[1])
with only_night(Settings(home=home, sources_file=home / "none.yml")):
    print("held", flush=True)
    sys.stdin.read()
"""
# Tries the lock without a pause and says how often it was free.
WATCHER = """
import fcntl, sys, threading
from pathlib import Path

stopped = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stopped.set()), daemon=True).start()
tries = free = 0
with Path(sys.argv[1]).open("a+") as lock:
    print("watching", flush=True)
    while not stopped.wait(0.001):
        tries += 1
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        free += 1
        fcntl.flock(lock, fcntl.LOCK_UN)
print(tries, free)
"""


def beside(code, path):
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT,
    )  # fmt: skip
    assert process.stdout.readline().strip() in {"held", "watching"}
    return process


@pytest.fixture
def holder(home_copy):
    process = beside(HOLDER, home_copy.home)
    yield process
    process.communicate()


@pytest.mark.parametrize(("job", "step"), [("transform", "dbt_build"), ("publish", "publish_marts")])
def test_a_part_of_the_night_does_not_slip_into_another_process_night(holder, home_copy, job, step):
    published = (home_copy.published_dir / "current").resolve()
    with open_instance(home_copy) as instance:
        result = build_defs(home_copy).resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert failed.step_key == step
    error = failed.step_failure_data.error
    told = error.cause.message if error.cause else error.message
    assert f"in the hands of process {holder.pid} since" in told
    assert (home_copy.published_dir / "current").resolve() == published


def landed(settings):
    return sorted(path for path in settings.landing_dir.glob("*/*/*/*") if not path.name.endswith(".arrival.json"))


@pytest.fixture
def all_due(home_copy, tmp_path, monkeypatch):
    """A policy by which every landed file is due, for the command line."""
    policy = tmp_path / "own" / "operate" / "retention.csv"
    policy.parent.mkdir(parents=True)
    rows = "".join(f"{name},,3,,\n" for name in ("versions", "quarantine", "commands", "activation"))
    policy.write_text(f"artefact,keep_days,keep_at_least,applied_by,reason\n{rows}landing,1,3,,\n", encoding="utf-8")
    monkeypatch.setenv("LEADRELAY_HOME", str(home_copy.home))
    monkeypatch.setenv("LEADRELAY_SEEDS", str(policy.parent.parent))


@pytest.mark.usefixtures("all_due")
def test_nothing_is_removed_while_a_night_runs(holder, home_copy, capsys):
    before = landed(home_copy)
    assert before
    assert cli.main(["retention", "--yes"]) == ExitCode.ERROR
    assert f"in the hands of process {holder.pid}" in capsys.readouterr().err
    assert landed(home_copy) == before
    assert cli.main(["forget", "nobody@example.org", "--yes"]) == ExitCode.ERROR
    assert f"in the hands of process {holder.pid}" in capsys.readouterr().err
    assert not (home_copy.home / "forgotten").exists()


def test_who_forgets_holds_the_home_from_the_first_look_to_the_last(home_copy):
    with duckdb.connect(str(home_copy.warehouse_path), read_only=True) as connection:
        (email,) = connection.execute("select min(email) from marts.dim_person").fetchone()
    # Made before, so that the watcher has something to look at; nobody holds it yet.
    (home_copy.home / LOCK_FILE).touch()
    watcher = beside(WATCHER, home_copy.home / LOCK_FILE)
    started = datetime.now(tz=UTC)
    forget(home_copy, email, is_meant=False)
    took = datetime.now(tz=UTC) - started
    tries, free = map(int, watcher.communicate()[0].split())
    assert took > timedelta(milliseconds=200)
    assert tries > 20
    # Free before the first look and after the last one only: reading the whole home takes most of the time.
    assert free < tries / 4
