"""What a machine may do to a night: a disk that is full or read-only, a second night, a clock set back, a file that grows while it is read.

The error says what failed, what is kept and what to do; nothing is lost; the next run heals. Kills are in tests/e2e and benchmarks/crash.py.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.cli import main
from orchestration.errors import ExitCode, LandingError, WarehouseLockedError, storage_problem
from orchestration.ingest import reader
from orchestration.ingest.landing import Arrivals, read_sidecar
from orchestration.ingest.warehouse import stale_tables
from orchestration.operate import lock
from orchestration.operate.lock import hold_night, only_night
from orchestration.publish import publisher
from orchestration.settings import PROJECT_ROOT, Settings
from tests.integration.ingest.conftest import Bench, submission

HOLD = """
import sys
from pathlib import Path
from orchestration.operate.lock import hold_night
from orchestration.settings import Settings
hold_night(Settings(home=Path(sys.argv[1]), sources_file=Path("sources.yml")))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Let no file of this process grow over so many bytes, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(home=tmp_path / "a home", sources_file=PROJECT_ROOT / "sources.yml")


def test_a_full_disk_while_loading_keeps_what_was_there_and_the_next_load_heals(bench: Bench):
    bench.drop("a.jsonl", [submission(number) for number in range(20)])
    bench.load()
    bench.connection.execute("checkpoint")
    bench.drop("b.jsonl", [submission(number, message=os.urandom(400).hex()) for number in range(100, 3_000)])
    with pytest.raises((duckdb.Error, OSError)) as caught, files_no_larger_than(200_000):
        bench.load()
    told = storage_problem(str(caught.value))
    assert told is not None, caught.value
    assert "What was loaded before is kept" in told
    assert "free some space, then: leadrelay run" in told
    bench.connection.close()
    bench.connection = duckdb.connect(str(bench.settings.warehouse_path))
    assert len(bench.raw()) == 20
    result = bench.load()
    assert (result.rows_in, result.rows_loaded) == (2_900, 2_900)


def test_a_night_on_a_full_disk_is_not_published_says_so_and_heals(home_copy, monkeypatch, capsys):
    monkeypatch.setenv("LEADRELAY_HOME", str(home_copy.home))
    before = sorted(path.name for path in (home_copy.published_dir / "versions").iterdir())
    with files_no_larger_than(200_000):
        code = main(["run"])
    screen = "".join(capsys.readouterr())
    assert code == ExitCode.NOT_PUBLISHED, screen
    assert "the disk refused to be written" in screen
    assert "what is published stands" in screen
    assert sorted(path.name for path in (home_copy.published_dir / "versions").iterdir()) == before
    assert main(["run"]) == ExitCode.OK
    assert "stands" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("OSError: [Errno 28] No space left on device: '/x'", "free some space"),
        ('IO Error: Could not write file "/x": Read-only file system', "make it writable"),
        ("(sqlite3.OperationalError) attempt to write a readonly database", "make it writable"),
        ("PermissionError: [Errno 13] Permission denied: '/x'", "give this user the right to write there"),
        ("database or disk is full", "free some space"),
    ],
)
def test_what_a_disk_refuses_is_told_with_the_remedy(text, told):
    assert told in (storage_problem(text) or "")
    assert storage_problem("Binder Error: no such column") is None


def test_a_read_only_landing_is_named_and_nothing_is_loaded(bench: Bench):
    bench.drop("a.jsonl", [submission(1)])
    with (
        read_only(bench.settings.landing_dir),
        pytest.raises(LandingError, match=r"cannot be written .*nothing was loaded"),
    ):
        bench.load()
    assert bench.rows("select count(*) from ops.loads") == [(0,)]
    assert bench.load().rows_loaded == 1


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Make a folder read-only, for the superuser too where mounts are allowed."""
    if os.geteuid() != 0:
        days = [path for path in (folder, *folder.rglob("*")) if path.is_dir()]
        for path in days:
            path.chmod(0o555)
        try:
            yield
        finally:
            for path in days:
                path.chmod(0o755)
        return
    for command in (["/bin/mount", "--bind", folder, folder], ["/bin/mount", "-o", "remount,ro,bind", folder]):
        if subprocess.run(command, capture_output=True, check=False).returncode:
            subprocess.run(["/bin/umount", folder], capture_output=True, check=False)
            pytest.skip("the superuser writes everywhere, and mounts are not allowed here")
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", folder], check=True)


def test_a_second_night_is_refused_with_the_holder_s_name_and_the_lock_dies_with_it(settings):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT_ROOT,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(
            WarehouseLockedError, match=f"in the hands of process {holder.pid} since .*nothing was changed"
        ):
            hold_night(settings, attempts=2, pause_seconds=0.01)
        holder.kill()
        holder.wait()
    (settings.home / ".load-of-a-killed-night").mkdir()
    with only_night(settings, attempts=1):
        hold_night(settings)
        assert settings.home in lock._held
        assert not list(settings.home.glob(".load-*"))
    assert settings.home not in lock._held


def test_the_command_line_says_who_runs_the_night(settings, monkeypatch, capsys):
    monkeypatch.setenv("LEADRELAY_HOME", str(settings.home))
    monkeypatch.setattr("orchestration.operate.lock.LOCK_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(hold_night, "__defaults__", (2, 0.01))
    monkeypatch.setattr(only_night.__wrapped__, "__defaults__", (2, 0.01))
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT_ROOT,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert main(["run"]) == ExitCode.ERROR
        assert f"process {holder.pid} since" in capsys.readouterr().err
        assert main(["quarantine", "replay"]) == ExitCode.ERROR
        holder.kill()


def test_a_clock_set_back_makes_no_load_arrival_or_version_older_than_those_before(bench: Bench, monkeypatch):
    future = datetime.now(tz=UTC).replace(tzinfo=None, microsecond=0) + timedelta(days=400)
    bench.land("a.jsonl", [{"nonsense": 1}], 1, f"{future:%Y-%m-%dT%H:%M:%S}Z")
    assert bench.load().is_refused
    bench.connection.execute("update ops.loads set loaded_at = ?", [future])
    bench.path("a.jsonl", day=f"{future:%Y-%m-%d}").unlink()
    path = bench.drop("b.jsonl", [submission(1)])
    bench.load()
    # The newest load went well, so the table is not stale, although the clock says that the refused one is younger.
    assert stale_tables(bench.connection) == {}
    assert bench.rows("select status from ops.loads order by loaded_at") == [("refused",), ("loaded",)]
    sidecar = read_sidecar(path)
    assert (sidecar["arrived_at"], sidecar["load_sequence"]) == (f"{future:%Y-%m-%dT%H:%M:%S}Z", 2)
    arrivals = Arrivals(bench.settings.landing_dir, bench.table("crm.leads"), "crm")
    with arrivals.temporary() as temporary:
        temporary.write_text("{}\n", encoding="utf-8")
        landed = arrivals.land(temporary, lambda sequence: f"{sequence}.jsonl")
    assert read_sidecar(bench.settings.landing_dir / landed)["arrived_at"] == f"{future:%Y-%m-%dT%H:%M:%S}Z"
    published_at = future.replace(tzinfo=UTC)
    monkeypatch.setattr(publisher, "read_versions", lambda _: [{"published_at": published_at.isoformat()}])
    assert publisher._moment_of_publishing(bench.settings) == published_at + timedelta(milliseconds=1)


def test_a_file_that_grows_while_it_is_read_is_refused_by_name(bench: Bench, monkeypatch):
    path = bench.drop("a.jsonl", [submission(1)])
    prepare_text = reader.prepare_text

    def and_grow(*arguments):
        plain = prepare_text(*arguments)
        time.sleep(0.01)
        with path.open("a", encoding="utf-8") as stream:
            stream.write('{"submission_id": "s2", "submitted_at": "2026-02-28"}\n')
        return plain

    content = path.read_bytes()
    monkeypatch.setattr(reader, "prepare_text", and_grow)
    result = bench.load()
    assert result.is_refused
    assert "a.jsonl: changed while it was read" in result.message
    assert bench.raw() == []
    monkeypatch.undo()
    # It is no longer what landed; once it is restored, it loads.
    assert "a.jsonl: changed since it landed" in bench.load().message
    path.write_bytes(content)
    assert bench.load().rows_loaded == 1
