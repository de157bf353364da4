"""Nights that are disturbed: what each one says, and whether every mart is the same once the disturbance is over.

A company stands after its first night; more has landed since, and one of its systems is a PostgreSQL database. One home goes through the
second night undisturbed. Every other one is disturbed in it (the disk is full, landing is read-only, somebody holds the warehouse, the
database goes down in mid-read, another night is at work, the clock jumps back, files grow while they are read). The night must end as it
should and say what the matter is; then the disturbance is taken away, the night runs again, and every published mart must be the same,
row for row.
What belongs here: disturbing. What does not: killing and comparing, which is `benchmarks/crash.py`, and what a night does.

Run with ``python benchmarks/disturb.py``; a full disk and a landing that nobody may write need root and mounts, the clock a C compiler,
the database the development extra. What cannot be done here is said and not counted. Ends with 1 when a night or a mart was not as it
should be.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import adbc_driver_postgresql.dbapi as driver
import duckdb
from ruamel.yaml import YAML

from orchestration.errors import ExitCode
from orchestration.operate.audit import FILE_NAME as COMMANDS_FILE
from orchestration.operate.lock import LOCK_FILE
from orchestration.operate.privacy import switch_off_usage_reporting
from orchestration.sample import write_sample
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.sql import quote_identifier

# The comparison is that of the kills, the database server is the suite's; neither is part of the installed package.
sys.path.insert(0, str(PROJECT_ROOT))

from benchmarks.crash import (
    LIMIT_SECONDS,
    Ended,
    after,
    assert_well,
    fingerprints,
    run,
    split_landing,
    start,
)
from tests.integration.ingest.readers.postgres_server import PostgresServer, postgres

# Enough for the run's own book and for some tables of dbt's, not for a second version of what is published.
ROOM_MEGABYTES = 16
MEGABYTE = 1 << 20
ADDRESS = "CRM_ADDRESS"
# The system that is a database, and the files that somebody drops for the second night, without a word of when they arrived.
READ_TABLE, READ_SYSTEM, READ_KEY, READ_CURSOR = "engagement/interactions", "mailer", "interaction_id", "occurred_at"
GROWN, UNFINISHED = "crm/activities/*/crm.history.*", "webinars/attendance/*/*.history.*"
# More than the driver holds at once, in so many seconds: when the first file has landed, some rows are still on their way.
READ_BYTES, READ_SECONDS, ROWS_PER_FILE = 26 * MEGABYTE, 6.0, 100
DAYS_BACK = 2
# What a home published and then changed: a night that published without some rows did, and the undisturbed one did not.
REVISIONS = "fct_lifecycle_revision"
# Neither the kernel nor the other processes see another time: what is written meanwhile is dated in the future, as the clock has it.
CLOCK = """
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *at) {
    int code = syscall(SYS_clock_gettime, id, at);
    const char *from = getenv("CLOCK_BACK_FROM"), *by = getenv("CLOCK_BACK_BY");
    if (code == 0 && id == CLOCK_REALTIME && from && by) {
        struct timespec up;
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &up);
        if (up.tv_sec >= atol(from)) at->tv_sec -= atol(by);
    }
    return code;
}
int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    int code = clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return code;
}
time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""


class NotHereError(Exception):
    """A disturbance that this machine does not allow."""


@dataclass(frozen=True)
class World:
    """What a disturbance works with.

    Parameters
    ----------
    home, server
        The home, and the database that it reads.
    undisturbed
        What an undisturbed home has published.
    seconds
        How long an undisturbed night takes.
    problems
        What the disturbance itself finds amiss.
    """

    home: Settings
    server: PostgresServer
    undisturbed: Settings
    seconds: float
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Expected:
    """How a disturbed night has to end, and what its screen has to say."""

    exit_code: ExitCode
    told: tuple[str, ...]
    # Whether it publishes what an undisturbed night does.
    is_whole: bool = False
    # Tables and columns in which the home may differ for ever.
    without: tuple[str, ...] = ()


# ---------------------------------------------------------------------------------------------------------- disturbances


@contextmanager
def full_disk(world: World) -> Iterator[Expected]:
    """Put the home on a disk of its own that is nearly full, and back where there is room."""
    home, aside = world.home.home, world.home.home.with_name("aside")
    used = sum(path.stat().st_blocks * 512 for path in home.rglob("*") if not path.is_symlink())
    megabytes = used // MEGABYTE + ROOM_MEGABYTES
    home.rename(aside)
    home.mkdir()
    try:
        mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(home))
        shutil.copytree(aside, home, symlinks=True, dirs_exist_ok=True)
        yield Expected(
            ExitCode.NOT_PUBLISHED,
            (
                "the disk refused to be written",
                "What was loaded before is kept",
                "next free some space, then: leadrelay run",
            ),
        )
        aside_again = home.with_name("after")
        shutil.copytree(home, aside_again, symlinks=True)
    finally:
        unmount(home)
        shutil.rmtree(aside)
    home.rmdir()
    aside_again.rename(home)


@contextmanager
def read_only_landing(world: World) -> Iterator[Expected]:
    """Let nobody write into landing."""
    landing = world.home.landing_dir
    expected = Expected(
        ExitCode.NOT_PUBLISHED,
        (f"{landing}/", "cannot be written", "nothing was loaded from", "next make it writable, then: leadrelay run"),
    )
    if os.geteuid() != 0:
        folders = [path for path in (landing, *landing.rglob("*")) if path.is_dir()]
        for path in folders:
            path.chmod(0o555)
        yield expected
        for path in folders:
            path.chmod(0o755)
        return
    mount("--bind", str(landing), str(landing))
    try:
        mount("-o", "remount,ro,bind", str(landing))
        yield expected
    finally:
        unmount(landing)


@contextmanager
def locked_warehouse(world: World) -> Iterator[Expected]:
    """Have the warehouse open in another process."""
    hold = "import sys, duckdb; held = duckdb.connect(sys.argv[1], read_only=True); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(world.home.warehouse_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        if holder.stdout is not None:
            holder.stdout.readline()
        yield Expected(
            ExitCode.ERROR, (f"held by process {holder.pid} (", "next wait for that process to end, or end it")
        )
        holder.kill()


@contextmanager
def lost_database(world: World) -> Iterator[Expected]:
    """Cut the database off when the first of its files has landed, with rows on their way, and start it again."""
    folder = world.home.landing_dir / READ_TABLE

    is_over = threading.Event()

    def cut() -> None:
        while not any(folder.glob("*/*.postgres.*.parquet")):
            if is_over.wait(0.01):
                return
        world.server.stop(signal.SIGQUIT)

    cutter = threading.Thread(target=cut)
    cutter.start()
    yield Expected(
        ExitCode.PUBLISHED_STALE,
        (
            f"{READ_TABLE.replace('/', '.')}: postgres reader of {READ_SYSTEM}",
            "was lost in mid-read",
            "files of this run have landed and stay",
        ),
        # What is read again lands in other files: some rows were brought by another load, and two marts say by which.
        without=("load_id", "load_sequence", REVISIONS),
    )
    is_over.set()
    cutter.join()
    if world.server.process is None:
        world.server.start()
    else:
        world.problems.append("no file of the database landed, so that it was not lost in mid-read")


@contextmanager
def another_night(world: World) -> Iterator[Expected]:
    """Have another night at work in the same home, and let it come to its end."""
    other = start(world.home)
    lock, told = world.home.home / LOCK_FILE, f"process {other.pid} since"
    while told not in lock.read_text(encoding="ascii") and other.poll() is None:
        time.sleep(0.05)
    yield Expected(ExitCode.ERROR, (f"in the hands of {told}", "nothing was changed here"))
    screen, _ = other.communicate(timeout=LIMIT_SECONDS)
    if other.returncode:
        world.problems.append(f"the night that was there first ended with {other.returncode}: {screen[-1500:]}")


@contextmanager
def clock_set_back(world: World) -> Iterator[Expected]:
    """Set the clock of the night back by days while it is at work."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise NotHereError("no C compiler to make a clock with")
    library = world.home.home.with_name("clock.so")
    command = [compiler, "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", str(library)]
    subprocess.run(command, input=CLOCK, text=True, check=True)
    before = moments(world.home)
    # A fifth of the way nothing has been loaded yet, and the run has begun.
    asked = {
        "LD_PRELOAD": str(library),
        "CLOCK_BACK_FROM": str(int(time.monotonic() + 0.2 * world.seconds)),
        "CLOCK_BACK_BY": str(DAYS_BACK * 86_400),
    }
    os.environ.update(asked)
    try:
        yield Expected(ExitCode.OK, (f"published {world.home.published_dir}",), is_whole=True)
    finally:
        for name in asked:
            del os.environ[name]
    *_, ran = (world.home.home / COMMANDS_FILE).read_text(encoding="utf-8").splitlines()
    if not json.loads(ran)["ended_at"] < json.loads(ran)["started_at"]:
        world.problems.append(f"the clock was not set back while the night ran: {ran}")
    if not all(later > earlier for earlier, later in zip(before, moments(world.home), strict=True)):
        world.problems.append(f"what came last is not dated last: {moments(world.home)} after {before} (load, version)")


@contextmanager
def growing_files(world: World) -> Iterator[Expected]:
    """Let one file grow from the moment that it is taken in, and write another all night long; then complete both."""
    (grown,), (unfinished,) = (arrived(world.home.landing_dir, pattern) for pattern in (GROWN, UNFINISHED))
    contents = {path: path.read_bytes() for path in (grown, unfinished)}
    is_over = threading.Event()

    def grow() -> None:
        while not grown.with_name(f"{grown.name}.arrival.json").exists() and not is_over.wait(0.001):
            pass
        while not is_over.wait(0.001):
            with grown.open("ab") as stream:
                stream.write(b'{"activity_id": "grown"}\n')

    def write() -> None:
        size = 0
        while not is_over.wait(0.4):
            size += 1
            unfinished.write_bytes(contents[unfinished][:size])

    writers = [threading.Thread(target=grow), threading.Thread(target=write)]
    for writer in writers:
        writer.start()
    try:
        yield Expected(
            ExitCode.PUBLISHED_STALE,
            (f"{grown.name}: changed", f"{unfinished.name}: still being written"),
            without=(REVISIONS,),
        )
    finally:
        is_over.set()
        for writer in writers:
            writer.join()
        for path, content in contents.items():
            path.write_bytes(content)
    time.sleep(1)


DISTURBANCES: dict[str, Callable[[World], AbstractContextManager[Expected]]] = {
    "a full disk": full_disk,
    "a read-only landing": read_only_landing,
    "a locked warehouse": locked_warehouse,
    "a database lost in mid-read": lost_database,
    "two nights at once": another_night,
    "a clock that jumps back": clock_set_back,
    "landing files that grow": growing_files,
}


def mount(*arguments: str) -> None:
    """Mount something, or say that this machine does not allow it."""
    done = subprocess.run(["/bin/mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotHereError(f"needs root and mounts ({done.stderr.strip()})")


def unmount(folder: Path) -> None:
    """Take away what was mounted there, if anything was: of a folder mounted on itself nothing else says so."""
    subprocess.run(["/bin/umount", str(folder)], capture_output=True, check=False)


def arrived(folder: Path, pattern: str) -> list[Path]:
    """Return the files of a pattern, their sidecars left out."""
    return [path for path in folder.glob(pattern) if not path.name.endswith(".arrival.json")]


def moments(settings: Settings) -> list[str]:
    """Return when the last load and the last version were made, as the books have it."""
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        query = "select max_by(loaded_at, load_sequence)::varchar from ops.loads"
        loaded = connection.execute(query).fetchone()
    manifest = json.loads((settings.published_dir / "current" / "manifest.json").read_text(encoding="utf-8"))
    return [str(loaded[0] if loaded else ""), str(manifest["published_at"])]


# ----------------------------------------------------------------------------------------------------------------- world


def make_home(home: Settings, later: Path, people: int, days: int, seed: int) -> None:
    """Write the sample company; what arrived last waits outside landing, and so does what will be dropped by hand."""
    write_sample(home.landing_dir, people, days, seed)
    split_landing(home, later)
    for pattern in (GROWN, UNFINISHED):
        (path,) = arrived(home.landing_dir, pattern)
        target = later / path.relative_to(home.landing_dir)
        target.parent.mkdir(parents=True)
        path.rename(target)
        path.with_name(f"{path.name}.arrival.json").unlink()


def move_to_database(server: PostgresServer, folders: Sequence[Path]) -> None:
    """Take one system's files out of landing and put their rows into the database."""
    files = [path for folder in folders for path in arrived(folder, f"{READ_TABLE}/*/{READ_SYSTEM}.*")]
    rows = duckdb.sql(f"select * from read_json({[str(path) for path in files]}, format = 'newline_delimited')")
    texts = duckdb.sql(
        f"select {', '.join(f'{quote_identifier(name)}::varchar as {quote_identifier(name)}' for name in rows.columns)} from rows"
    ).to_arrow_table()
    with driver.connect(server.uri()) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("landed", texts, mode="create")
        connection.commit()
    columns = ", ".join(quote_identifier(name) for name in texts.column_names if name != READ_CURSOR)
    # Sent slowly and with ballast, so that the reading can be lost in the middle.
    server.run(
        "postgres",
        f"create view {READ_SYSTEM} as select {columns}, {READ_CURSOR}::timestamptz as {READ_CURSOR}, "
        f"repeat(md5({READ_KEY}), {READ_BYTES // 32 // texts.num_rows}) as ballast, "
        f"pg_sleep({READ_SECONDS / texts.num_rows})::text as pause from landed",
    )
    for path in files:
        path.with_name(f"{path.name}.arrival.json").unlink()
        path.unlink()


def write_sources(target: Path) -> None:
    """Write the project's sources.yml with the database in place of the system's files."""
    yaml = YAML()
    sources = yaml.load((PROJECT_ROOT / "sources.yml").read_text(encoding="utf-8"))
    source, table = READ_TABLE.split("/")
    entry = sources["sources"][source]["tables"][table]
    entry["feeds"] = [feed for feed in entry["feeds"] if feed["system"] != READ_SYSTEM] + [
        {
            "system": READ_SYSTEM,
            "reader": "postgres",
            "connection": {"uri_env": ADDRESS},
            "table": f"public.{READ_SYSTEM}",
            "key": [READ_KEY],
            "cursor": READ_CURSOR,
            "rows_per_file": ROWS_PER_FILE,
            "retries": {"attempts": 2, "backoff_seconds": 0.1},
            "arrival": "_arrived_at",
        }
    ]
    with target.open("w", encoding="utf-8") as stream:
        yaml.dump(sources, stream)


# ------------------------------------------------------------------------------------------------------------- measuring


@dataclass(frozen=True)
class Seen:
    """What came of one disturbance."""

    name: str
    ended: str
    told: str
    same: str
    problems: tuple[str, ...] = ()


def try_one(name: str, world: World, begins: Path) -> Seen:
    """Disturb one night, let it run again undisturbed, and compare."""
    shutil.copytree(begins, world.home.home, symlinks=True)
    try:
        with DISTURBANCES[name](world) as wanted:
            ended = run(world.home)
            expected = fingerprints(world.undisturbed, wanted.without)
            is_whole = fingerprints(world.home, wanted.without) == expected
        problems = [
            *world.problems,
            *amiss(ended, wanted, is_whole=is_whole),
            *after(world.home, expected, wanted.without),
        ]
        found = fingerprints(world.home, wanted.without)
    except NotHereError as error:
        return Seen(name, "-", f"not tried: {error}", "-")
    finally:
        shutil.rmtree(world.home.home)
    same = sum(found.get(table) == content for table, content in expected.items())
    lines = [" ".join(line.split()).replace(f"{world.home.home}/", "") for line in ended.told.splitlines()]
    parts = [part.replace(f"{world.home.home}/", "") for part in wanted.told]
    told = next((line for part in parts for line in lines if part in line), "nothing of it")
    return Seen(name, str(ended.exit_code), told, f"{same}/{len(expected.keys() | found.keys())}", tuple(problems))


def amiss(ended: Ended, wanted: Expected, *, is_whole: bool) -> list[str]:
    """Return what a disturbed night should have done or said otherwise."""
    screen = " ".join(ended.told.split())
    wrong = [f"does not say {part!r}" for part in wanted.told if part not in screen]
    if ended.exit_code != wanted.exit_code:
        wrong.append(f"ended with {ended.exit_code} and not with {wanted.exit_code.value}")
    if is_whole != wanted.is_whole:
        wrong.append(f"published {'everything' if is_whole else 'not everything'}")
    return [f"the night {', '.join(wrong)}: {ended.told[-1500:]}"] if wrong else []


def measure(names: Sequence[str], seed: int, people: int, days: int, folder: Path) -> list[Seen]:
    """Try each disturbance by itself."""
    home = Settings(home=folder / "home", sources_file=folder / "sources.yml")
    begins = folder / "second night"
    with postgres() as server:
        os.environ[ADDRESS] = server.uri()
        make_home(home, folder / "later", people, days, seed)
        move_to_database(server, (home.landing_dir, folder / "later"))
        shutil.copy(PROJECT_ROOT / "sources.yml", home.sources_file)
        assert_well(run(home))
        # The system's data are new in the second night, and many.
        write_sources(home.sources_file)
        mode = home.landing_dir.stat().st_mode
        shutil.copytree(folder / "later", home.landing_dir, dirs_exist_ok=True)
        home.landing_dir.chmod(mode)
        home.home.rename(begins)
        shutil.copytree(begins, home.home, symlinks=True)
        ended = run(home)
        assert_well(ended)
        print(f"undisturbed: {ended.seconds:.0f} s", file=sys.stderr, flush=True)
        undisturbed = replace(home, home=home.home.rename(folder / "undisturbed"))
        world = World(home, server, undisturbed, ended.seconds)
        seen = []
        for name in names:
            started = time.perf_counter()
            seen.append(try_one(name, replace(world, problems=[]), begins))
            print(
                f"{name}: {seen[-1].same} marts, {len(seen[-1].problems)} problems, {time.perf_counter() - started:.0f} s",
                *seen[-1].problems, sep="\n      ", file=sys.stderr, flush=True,
            )  # fmt: skip
    return seen


def main(arguments: Sequence[str] | None = None) -> None:
    """Disturb, compare and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", action="append", choices=DISTURBANCES, metavar="NAME", help=", ".join(DISTURBANCES))
    parser.add_argument("--people", type=int, default=150)
    parser.add_argument("--days", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    switch_off_usage_reporting()
    with tempfile.TemporaryDirectory() as folder:
        seen = measure(options.only or list(DISTURBANCES), options.seed, options.people, options.days, Path(folder))
    print(f"{'disturbance':<28} {'exit':>4} {'marts the same':>14}  what the night said")
    for one in seen:
        print(f"{one.name:<28} {one.ended:>4} {one.same:>14}  {one.told[:200]}")
    problems = [f"{one.name}: {problem}" for one in seen for problem in one.problems]
    print(*problems, sep="\n")
    tried = [one for one in seen if one.ended != "-"]
    print(f"disturbances survived / tried: {sum(not one.problems for one in tried)} / {len(tried)}")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
