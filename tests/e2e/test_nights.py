"""Nights in a row on one home: nothing new, another clock, a broken row and a refused batch, another threshold, a refused required table.

The night with another clock has all the bad luck there is: its disk fills up, it is killed twice, and then two of it are started at once.
What it publishes in the end must equal an undisturbed night: one that is replayed from landing alone in another home, after another past
has landed there.

The nights run once, in `story`; each test is one claim about them.
"""

import contextlib
import hashlib
import io
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.cli import main
from orchestration.errors import ExitCode
from orchestration.ingest.contract import load_contract
from orchestration.publish.versions import current_version, read_manifest
from orchestration.settings import PROJECT_ROOT, Settings
from tests.e2e.expected_moves import Ledger, expected_ledger, published_ledger

# Later than all that the sample lands, earlier than what is landed here.
LATER = "2026-07-01T20:00:00"
ARRIVED = {"_arrived_at": "2026-07-02T02:00:00"}
GOOD_ROWS = [
    {
        "submission_id": f"S-good-{number}",
        "submitted_at": "2026-07-01T10:00:00Z",
        "form_type": "newsletter",
        "email": f"new.reader.{number}@acme-widgets.cn",
        **ARRIVED,
    }
    for number in range(40)
]
BROKEN_ROW = {**GOOD_ROWS[0], "submission_id": "S-broken", "submitted_at": "the day before yesterday"}
MQL_POINTS, OTHER_MQL_POINTS = 50, 65
# The books of a home's own runs: each names the runs that this home made, and when. A replay is one run where there were several.
BOOKS = {"ops_load", "ops_freshness", "ops_quality_result", "ops_identity_quality", "ops_command"}
# What of them is about landing must be the same all the same, but for which run loaded it and when.
LOADED = (
    "load_id, source_table, source_system, file_path, file_checksum, status, load_sequence, rows_in, rows_loaded, "
    "rows_quarantined, rows_collapsed, arrived_at"
)
NONSENSE = [{"nonsense": 1, **ARRIVED}, {"nonsense": 2, **ARRIVED}]


@dataclass
class Chapter:
    """What one night left behind."""

    exit_code: int
    screen: str
    manifest: dict[str, Any] | None
    version: Path | None
    raw_rows: dict[str, int]
    published: dict[str, str] = field(default_factory=dict)


@dataclass
class Attempt:
    """One start of a night as a process of its own: how it ended, what it said, and which version stood afterwards."""

    exit_code: int
    pid: int
    screen: str
    version: Path | None


@dataclass
class Story:
    settings: Settings
    before: Chapter
    nothing_new: Chapter
    disk_full: Attempt | None
    interrupted: Attempt
    killed: dict[str, Attempt]
    both: list[Attempt]
    later: Chapter
    rebuilt: Chapter
    held_before: list[tuple[Any, ...]]
    held_after: list[tuple[Any, ...]]
    fresh_version: str
    broken: Chapter
    moved: Chapter
    moved_diff: dict[str, Any]
    required: Chapter
    loaded: list[tuple[Any, ...]]
    loaded_again: list[tuple[Any, ...]]
    late_rows: int


def land(settings: Settings, table: str, name: str, rows: list[dict[str, Any]], sequence: int, system: str) -> None:
    folder = settings.landing_dir / table.replace(".", "/") / "2026-07-02"
    folder.mkdir(parents=True, exist_ok=True)
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    (folder / name).write_bytes(content)
    sidecar = {
        "arrived_at": "2026-07-02T02:00:00Z", "load_sequence": sequence,
        "sha256": hashlib.sha256(content).hexdigest(), "source_system": system,
    }  # fmt: skip
    (folder / f"{name}.arrival.json").write_text(json.dumps(sidecar), encoding="utf-8")


def land_another_past(settings: Settings) -> int:
    """Land the newest rows of every table again, each under the key of its neighbour, after the moment that is looked back from.

    Whatever reads a row that arrived later than it may then gives another table.
    """
    contract = load_contract(settings.models_dir)
    landed = 0
    files = sorted(settings.landing_dir.glob("*/*/*/*.jsonl"))
    for number, ((source, table, system), paths) in enumerate(
        itertools.groupby(
            sorted(files, key=lambda path: (path.parts[-4], path.parts[-3], path.name.split(".")[0], path)),
            key=lambda path: (path.parts[-4], path.parts[-3], path.name.split(".")[0]),
        )
    ):
        key = contract.table(f"{source}.{table}").key_columns[0].name
        lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
        rows = [json.loads(line) for line in lines[-250:]]
        keys = [row[key] for row in rows]
        told = [{**row, key: other, **ARRIVED} for row, other in zip(rows, [*keys[1:], keys[0]], strict=True)]
        land(settings, f"{source}.{table}", f"{system}.later.jsonl", told, 95_001 + number, system)
        landed += len(told)
    return landed


def loaded_by(settings: Settings, moment: str) -> list[tuple[Any, ...]]:
    """What the published book of loads says of files that had arrived by a moment."""
    with duckdb.connect(str(settings.published_dir / "current" / "leadrelay.duckdb"), read_only=True) as connection:
        return connection.execute(
            f"select {LOADED} from marts.ops_load where arrived_at <= cast(? as timestamp) order by all", [moment]
        ).fetchall()


def diff(*arguments: str) -> dict[str, Any]:
    """What `leadrelay diff --json` prints."""
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        assert main(["diff", "--json", *arguments]) == ExitCode.OK
    return json.loads(screen.getvalue())


def systems_of(settings: Settings, table: str) -> str:
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        row = connection.execute("select min(source_system) from ops.loads where source_table = ?", [table]).fetchone()
    return row[0]


def file_name(settings: Settings, table: str) -> str:
    """A new file's name after the pattern of the table's others."""
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        row = connection.execute("select min(file_path) from ops.loads where source_table = ?", [table]).fetchone()
    return f"{Path(row[0]).name.split('.')[0]}.by-hand.jsonl"


def night(settings: Settings, *arguments: str) -> Chapter:
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(io.StringIO()):
        exit_code = main(["run", *arguments])
    return look(settings, exit_code, screen.getvalue())


def look(settings: Settings, exit_code: int, screen: str) -> Chapter:
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "select table_name from duckdb_tables() where schema_name = 'raw'"
            ).fetchall()
        ]
        raw_rows = {name: connection.execute(f'select count(*) from raw."{name}"').fetchone()[0] for name in tables}
    version = current_version(settings.published_dir)
    return Chapter(
        exit_code,
        screen,
        read_manifest(settings.published_dir),
        version,
        raw_rows,
        fingerprints(version) if version else {},
    )


def fingerprints(version: Path) -> dict[str, str]:
    """Content of every published table but the books of the runs themselves, as one code per table.

    Sums of doubles may differ in the sixteenth digit with the order in which two threads add; nine digits after the point count.
    """
    with duckdb.connect(str(version / "leadrelay.duckdb"), read_only=True) as connection:
        columns: dict[str, list[str]] = {}
        query = "select table_name, column_name, data_type from duckdb_columns() where not internal order by all"
        for table, column, data_type in connection.execute(query).fetchall():
            columns.setdefault(table, []).append(f'round("{column}", 9)' if data_type == "DOUBLE" else f'"{column}"')
        return {
            table: str(
                connection.execute(
                    f'select count(*), bit_xor(hash({", ".join(names)})) from marts."{table}"'
                ).fetchone()
            )
            for table, names in columns.items()
            if table not in BOOKS
        }


KILLED_WHEN: dict[str, Callable[[Settings, str], bool]] = {
    "dbt builds": lambda _, told: "to build" in told,
    "a version is half made": lambda settings, _: any(settings.published_dir.glob("versions/.tmp-*/*.duckdb")),
}
"""A night is killed a moment after this is seen; more moments, and many more kills, in benchmarks/crash.py."""
ROOM_MEGABYTES = 30
"""Enough for the run's own book and for some tables of dbt's, not for a second version of what is published."""
AMPLE_MEGABYTES = 3000


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory) -> Iterator[Callable[[int], Path | None]]:
    """A disk of its own of so many megabytes; asked again, the same one of another size. None where mounts are not allowed."""
    folder = tmp_path_factory.mktemp("disk")

    def of_size(megabytes: int) -> Path | None:
        options = f"{'remount,' if folder.is_mount() else ''}size={megabytes}m"
        command = ["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
        return None if subprocess.run(command, capture_output=True, check=False).returncode else folder

    yield of_size
    if folder.is_mount():
        subprocess.run(["/bin/umount", folder], check=True)


def started(settings: Settings) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a night as a process of its own; where it tells what."""
    told = settings.home.parent.with_name(f"told {time.monotonic_ns()}.txt")
    command = [sys.executable, "-m", "orchestration.cli", "run", "--as-of", LATER]
    with told.open("w", encoding="utf-8") as screen:
        process = subprocess.Popen(command, stdout=screen, stderr=screen, cwd=PROJECT_ROOT, start_new_session=True)
    return process, told


def ended(settings: Settings, start: tuple[subprocess.Popen[bytes], Path]) -> Attempt:
    """Wait until a night that was started has ended."""
    process, told = start
    code = process.wait()
    return Attempt(code, process.pid, told.read_text(encoding="utf-8"), current_version(settings.published_dir))


def broken_off(
    settings: Settings, is_seen: Callable[[Settings, str], bool], pause: float, how: signal.Signals = signal.SIGKILL
) -> Attempt:
    """Start a night and break it off a moment after something is seen; it may have ended before, as its exit code then says."""
    process, told = start = started(settings)
    while process.poll() is None and not is_seen(settings, told.read_text(encoding="utf-8")):
        time.sleep(0.01)
    time.sleep(pause)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, how)
    return ended(settings, start)


@pytest.fixture(scope="module")
def story(copied_home, tmp_path_factory, small_disk) -> Story:
    disk = small_disk(AMPLE_MEGABYTES)
    settings = copied_home((disk or tmp_path_factory.mktemp("nights")) / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADRELAY_HOME", str(settings.home))
        patch.setenv("LEADRELAY_SOURCES", str(settings.sources_file))
        before = look(settings, 0, "")
        assert before.version is not None
        nothing_new = night(settings)
        with duckdb.connect(str(settings.published_dir / "current" / "leadrelay.duckdb"), read_only=True) as reader:
            question = "select stage, count(*) from marts.dim_person group by stage order by stage"
            held_before = reader.execute(question).fetchall()
            disk_full = None
            if disk is not None:
                small_disk(shutil.disk_usage(disk).used // (1 << 20) + ROOM_MEGABYTES)
                disk_full = ended(settings, started(settings))
                small_disk(AMPLE_MEGABYTES)
            dice = random.Random(5)
            interrupted = broken_off(settings, KILLED_WHEN["dbt builds"], dice.uniform(0, 2), signal.SIGINT)
            killed = {
                name: broken_off(settings, is_seen, dice.uniform(0, 0.3)) for name, is_seen in KILLED_WHEN.items()
            }
            both = [ended(settings, process) for process in [started(settings), started(settings)]]
            winner = min(both, key=lambda attempt: attempt.exit_code)
            later = look(settings, winner.exit_code, winner.screen)
            held_after = reader.execute(question).fetchall()
            with duckdb.connect(
                str((settings.published_dir / "current" / "leadrelay.duckdb").resolve()), read_only=True
            ) as newcomer:
                fresh = newcomer.execute("select path from duckdb_databases() where path is not null").fetchone()[0]
            loaded = loaded_by(settings, LATER)
        other = copied_home(tmp_path_factory.mktemp("rebuilt") / "home")
        # nothing published, nothing remembered: landing, the key that hashes, and a warehouse that is made anew
        for folder in ("published", "truth", "dagster"):
            shutil.rmtree(other.home / folder)
        late_rows = land_another_past(other)
        patch.setenv("LEADRELAY_HOME", str(other.home))
        rebuilt = night(other, "--rebuild", "--as-of", LATER)
        loaded_again = loaded_by(other, LATER)
        patch.setenv("LEADRELAY_HOME", str(settings.home))
        land(
            settings,
            "forms.submissions",
            file_name(settings, "forms.submissions"),
            [*GOOD_ROWS, BROKEN_ROW],
            90_001,
            systems_of(settings, "forms.submissions"),
        )
        land(
            settings,
            "webinars.catalog",
            file_name(settings, "webinars.catalog"),
            NONSENSE,
            90_002,
            systems_of(settings, "webinars.catalog"),
        )
        broken = night(settings)
        own_seeds = tmp_path_factory.mktemp("own seeds")
        with_threshold(own_seeds / "scoring" / "thresholds.csv", OTHER_MQL_POINTS)
        patch.setenv("LEADRELAY_SEEDS", str(own_seeds))
        moved = night(settings)
        moved_diff = diff("--rows", "100000", "--table", "fct_lifecycle_transition", "--table", "dim_person")
        patch.delenv("LEADRELAY_SEEDS")
        land(
            settings,
            "crm.leads",
            file_name(settings, "crm.leads"),
            NONSENSE,
            90_003,
            systems_of(settings, "crm.leads"),
        )
        required = night(settings)
    return Story(
        settings,
        before,
        nothing_new,
        disk_full,
        interrupted,
        killed,
        both,
        later,
        rebuilt,
        held_before,
        held_after,
        Path(fresh).parent.name,
        broken,
        moved,
        moved_diff,
        required,
        loaded,
        loaded_again,
        late_rows,
    )


def with_threshold(path: Path, points: int) -> None:
    """Write the house's thresholds with another one for an MQL by score."""
    text = (PROJECT_ROOT / "seeds" / "scoring" / "thresholds.csv").read_text(encoding="utf-8")
    assert f"mql,nurture,total,{MQL_POINTS}," in text
    path.parent.mkdir(parents=True)
    path.write_text(text.replace(f"mql,nurture,total,{MQL_POINTS},", f"mql,nurture,total,{points},"), encoding="utf-8")


def test_a_night_without_anything_new_loads_no_row_keeps_the_version_and_says_so(story):
    assert story.nothing_new.exit_code == ExitCode.OK, story.nothing_new.screen
    assert story.nothing_new.raw_rows == story.before.raw_rows
    assert story.nothing_new.version == story.before.version
    assert f"nothing new; version {story.before.manifest['version']} stands" in story.nothing_new.screen
    assert "to build    0 of " in story.nothing_new.screen


def test_a_night_with_another_clock_builds_what_reads_it_and_says_why(story):
    first = story.disk_full or story.interrupted
    assert " as_of moved" in first.screen
    assert " unchanged since run " in first.screen
    assert "rows landed" not in first.screen
    assert story.later.exit_code == ExitCode.OK, story.later.screen
    assert story.later.version != story.before.version
    assert story.later.raw_rows == story.before.raw_rows
    assert story.later.manifest["as_of"] == LATER
    assert set(story.later.manifest["loads"]["this_run"].values()) == {0}


def test_a_disk_that_fills_up_in_the_middle_is_told_and_what_is_published_stands(story):
    if story.disk_full is None:
        pytest.skip("mounts are not allowed here; test_trouble.py has a disk that is full by another way")
    assert story.disk_full.exit_code == ExitCode.NOT_PUBLISHED, story.disk_full.screen
    assert "to build " in story.disk_full.screen, "it came to dbt"
    assert "the disk refused to be written" in story.disk_full.screen
    assert "Next: free some space" in story.disk_full.screen
    assert "failing rows" not in story.disk_full.screen
    assert story.disk_full.version == story.before.version


def test_a_night_that_is_interrupted_calls_off_dbt_and_says_how_to_go_on(story):
    assert story.interrupted.exit_code == ExitCode.INTERRUPTED, story.interrupted.screen
    assert "NOT PUBLISHED: interrupted at dbt_build" in story.interrupted.screen
    assert "Traceback" not in story.interrupted.screen
    assert "next        leadrelay run\n" in story.interrupted.screen
    assert story.interrupted.version == story.before.version
    with (story.settings.home / "commands.jsonl").open(encoding="utf-8") as lines:
        assert "interrupted" in {json.loads(line)["outcome"] for line in lines}


@pytest.mark.parametrize("moment", KILLED_WHEN)
def test_a_night_that_is_killed_leaves_what_is_published(story, moment):
    killed = story.killed[moment]
    assert killed.exit_code == -signal.SIGKILL, killed.screen
    assert killed.version == story.before.version


def test_of_two_nights_at_once_one_runs_and_the_other_names_it(story):
    winner, loser = sorted(story.both, key=lambda attempt: attempt.exit_code)
    assert (winner.exit_code, loser.exit_code) == (ExitCode.OK, ExitCode.ERROR), (winner.screen, loser.screen)
    assert f"in the hands of process {winner.pid} since" in loser.screen
    assert not list(story.settings.published_dir.glob("versions/.tmp-*"))


def test_a_night_replayed_from_landing_alone_publishes_what_that_night_published_in_spite_of_all_that(story):
    """Every mart row for row, while another past lies in landing that arrived after the moment looked back from."""
    assert story.rebuilt.exit_code == ExitCode.OK, story.rebuilt.screen
    assert "unchanged" not in story.rebuilt.screen
    assert story.rebuilt.manifest["as_of"] == LATER
    # the later files were there: they are in raw, and no mart has seen them
    assert sum(story.rebuilt.raw_rows.values()) > sum(story.later.raw_rows.values()) + story.late_rows / 2
    assert len(story.later.published) > 20
    assert story.later.published.keys() == story.rebuilt.published.keys()
    assert {table for table, rows in story.later.published.items() if rows != story.rebuilt.published[table]} == set()
    assert story.loaded_again == story.loaded
    assert len(story.loaded) > 50
    # the clock does tell on something, or this compared nothing
    assert story.later.published != story.before.published


def test_a_bi_tool_that_stays_connected_neither_disturbs_the_night_nor_sees_it(story):
    assert story.held_after == story.held_before
    assert story.fresh_version == story.later.manifest["version"]


def test_a_broken_row_goes_to_quarantine_with_its_reason_while_the_rest_goes_on(story):
    with duckdb.connect(str(story.settings.warehouse_path), read_only=True) as connection:
        rows = connection.execute(
            "select source_row, reasons, raw_text from quarantine.forms__submissions where source_file like '%by-hand%'"
        ).fetchall()
    assert len(rows) == 1
    source_row, reasons, raw_text = rows[0]
    assert source_row == len(GOOD_ROWS) + 1
    assert "submitted_at" in " ".join(reasons)
    assert "the day before yesterday" in raw_text
    assert story.broken.raw_rows["forms__submissions"] == story.nothing_new.raw_rows["forms__submissions"] + len(
        GOOD_ROWS
    )


def test_a_refused_batch_leaves_raw_as_it_was_and_the_night_publishes_as_stale(story):
    assert story.broken.exit_code == ExitCode.PUBLISHED_STALE, story.broken.screen
    assert story.broken.raw_rows["webinars__catalog"] == story.nothing_new.raw_rows["webinars__catalog"]
    assert story.broken.manifest["stale_tables"] == ["webinars.catalog"]
    assert story.broken.version != story.later.version
    assert "webinars.catalog" in story.broken.screen


def test_a_refused_required_table_leaves_what_is_published_and_says_why(story):
    assert story.required.exit_code == ExitCode.NOT_PUBLISHED, story.required.screen
    assert story.required.version == story.moved.version
    assert story.required.raw_rows["crm__leads"] == story.moved.raw_rows["crm__leads"]
    assert "NOT PUBLISHED" in story.required.screen
    assert "crm.leads" in story.required.screen
    assert "next" in story.required.screen


def test_no_row_is_lost_in_any_night(story):
    with duckdb.connect(str(story.settings.warehouse_path), read_only=True) as connection:
        lost = connection.execute(
            "select file_path from ops.loads where status = 'loaded' and rows_in <> rows_loaded + rows_quarantined + rows_collapsed"
        ).fetchall()
    assert lost == []


@pytest.fixture(scope="module")
def ledgers(story) -> tuple[Ledger, Ledger]:
    """What plain Python makes of both thresholds."""
    return expected_ledger(story.settings, MQL_POINTS), expected_ledger(story.settings, OTHER_MQL_POINTS)


def test_the_plain_walk_gives_the_ledger_under_either_threshold(story, ledgers):
    for version, ledger in zip((story.broken.version, story.moved.version), ledgers, strict=True):
        published = published_ledger(version)
        assert {
            person for person in published.keys() | ledger.keys() if published.get(person) != ledger.get(person)
        } == set()


def test_another_threshold_moves_exactly_the_persons_that_it_should(story, ledgers):
    """As `leadrelay diff` tells it: who has other stage entries, and who stands elsewhere now."""
    assert story.moved.exit_code == ExitCode.PUBLISHED_STALE, story.moved.screen
    before, after = ledgers
    moved = {person for person in before.keys() | after.keys() if before.get(person) != after.get(person)}
    stands = {person for person in moved if before[person][-1] != after[person][-1]}
    assert len(moved) > len(stands) > 5
    tables = {table["table"]: table for table in story.moved_diff["tables"]}
    with duckdb.connect(str(story.broken.version / "leadrelay.duckdb"), read_only=True) as connection:
        connection.execute(f"attach '{story.moved.version / 'leadrelay.duckdb'}' as moved (read_only)")
        owners = dict(
            connection.execute(
                """
                select transition_id, person_id from marts.fct_lifecycle_transition
                union select transition_id, person_id from moved.marts.fct_lifecycle_transition
                """
            ).fetchall()
        )
    told = {owners[row["key"]["transition_id"]] for row in tables["fct_lifecycle_transition"]["rows"]}
    assert told == moved
    persons = tables["dim_person"]["rows"]
    assert {row["key"]["person_id"] for row in persons} == stands
    # nothing else of anybody changes: neither a score nor a profile
    assert {column for row in persons for column in row["values"]} <= {
        "stage",
        "cycle_number",
        "route",
        "stage_entered_at",
        "is_in_pool",
    }
