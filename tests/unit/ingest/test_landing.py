"""Landing: what counts as a file, when it has settled, and that arrival is stated once."""

import json
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.errors import LandingError
from orchestration.ingest.contract import ContractColumn, ContractTable
from orchestration.ingest.landing import find_pending, read_sidecar, write_sidecar
from orchestration.ingest.sources import Feed

TABLE = ContractTable(source="forms", name="submissions", columns=(ContractColumn("id", "VARCHAR", is_key=True),))
FEED = Feed(system="site", files="*.csv")
NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)


def drop(landing: Path, name: str, text: str = "id\n1\n", day: str = "2026-03-01") -> Path:
    path = landing / "forms" / "submissions" / day / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def find(
    landing: Path,
    *feeds: Feed,
    paths: frozenset[str] = frozenset(),
    checksums: frozenset[str] = frozenset(),
    settle: float = 0,
):
    return find_pending(landing, TABLE, feeds or (FEED,), paths, checksums, settle_seconds=settle, now=NOW)


def test_arrival_is_written_once_and_read_again(tmp_path):
    path = drop(tmp_path, "a.csv")
    first = find(tmp_path).files
    sidecar = json.loads(path.with_name("a.csv.arrival.json").read_text(encoding="utf-8"))
    assert sidecar["arrived_at"] == "2026-03-01T02:00:00Z"
    assert sidecar["source_system"] == "site"
    again = find_pending(tmp_path, TABLE, (FEED,), frozenset(), frozenset(), 0, datetime(2027, 1, 1, tzinfo=UTC)).files
    assert again == first
    with pytest.raises(LandingError, match="already written"):
        write_sidecar(path, sidecar)


def test_sequence_follows_arrival_first_existing_sidecars_then_names(tmp_path):
    write_sidecar(
        drop(tmp_path, "z.csv", "id\nz\n"),
        {"arrived_at": "2026-02-01T00:00:00Z", "load_sequence": 17, "sha256": "x", "source_system": "site"},
    )
    drop(tmp_path, "b.csv", "id\nb\n")
    drop(tmp_path, "a.csv", "id\na\n")
    assert [(file.path.name, file.load_sequence) for file in find(tmp_path).files] == [
        ("z.csv", 17),
        ("a.csv", 18),
        ("b.csv", 19),
    ]


def test_one_content_under_two_names_is_one_file(tmp_path):
    drop(tmp_path, "a.csv")
    drop(tmp_path, "b.csv")
    files = find(tmp_path).files
    assert [file.path.name for file in files] == ["a.csv"]
    assert find(tmp_path, checksums=frozenset({files[0].sha256})).files == ()
    assert [file.path.name for file in find(tmp_path, paths=frozenset({files[0].relative_path})).files] == ["b.csv"]


def test_links_folders_and_strays_are_never_read_and_named(tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("id\nsecret\n", encoding="utf-8")
    landing = tmp_path / "landing"
    day = drop(landing, "good.csv").parent
    (day / "link.csv").symlink_to(secret)
    (day / "up.csv").symlink_to("../../../../secret.csv")
    (day / "folder.csv").mkdir()
    (day.parent / "linked-day").symlink_to(tmp_path)
    (day.parent / "stray.csv").write_text("id\n", encoding="utf-8")
    pending = find(landing)
    assert [file.path.name for file in pending.files] == ["good.csv"]
    assert len(pending.problems) == 5
    assert all(
        any(name in problem for problem in pending.problems)
        for name in ("link.csv", "up.csv", "folder.csv", "linked-day", "stray.csv")
    )


def test_a_linked_table_folder_is_not_entered(tmp_path):
    outside = tmp_path / "outside" / "2026-03-01"
    outside.mkdir(parents=True)
    (outside / "a.csv").write_text("id\n1\n", encoding="utf-8")
    (tmp_path / "landing" / "forms").mkdir(parents=True)
    (tmp_path / "landing" / "forms" / "submissions").symlink_to(outside.parent)
    pending = find(tmp_path / "landing")
    assert pending.files == ()
    assert "symbolic link" in pending.problems[0]


def test_a_file_that_no_feed_takes_is_named(tmp_path):
    drop(tmp_path, "a.xlsx")
    pending = find(tmp_path)
    assert pending.files == ()
    assert "no feed of forms.submissions" in pending.problems[0]


@pytest.mark.parametrize("ahead_seconds", [0, 3600])
def test_a_file_still_being_written_is_left_for_the_next_run(tmp_path, ahead_seconds):
    """Also by somebody whose clock is ahead, so that it never looks fresh."""
    path = drop(tmp_path, "a.csv")
    drop(tmp_path, "b.csv.part")
    is_over = threading.Event()

    def write() -> None:
        while not is_over.wait(0.002):
            with path.open("a", encoding="utf-8") as stream:
                stream.write("2\n")
            os.utime(path, (time.time() + ahead_seconds,) * 2)

    writer = threading.Thread(target=write)
    writer.start()
    pending = find(tmp_path, settle=0.1)
    is_over.set()
    writer.join()
    assert pending.files == ()
    assert pending.unsettled == ("forms/submissions/2026-03-01/a.csv",)
    assert not path.with_name("a.csv.arrival.json").exists()


def test_a_file_dated_in_the_future_by_a_clock_that_was_set_back_is_taken_when_it_stands_still(tmp_path):
    path = drop(tmp_path, "a.csv")
    os.utime(path, (time.time() + 2 * 86_400,) * 2)
    started = time.monotonic()
    assert [file.path for file in find(tmp_path, settle=0.1).files] == [path]
    assert time.monotonic() - started >= 0.1, "it was looked at twice"


def test_the_sidecar_s_system_chooses_the_feed(tmp_path):
    path = drop(tmp_path, "a.csv")
    write_sidecar(
        path, {"arrived_at": "2026-02-01T00:00:00Z", "load_sequence": 1, "sha256": "x", "source_system": "other"}
    )
    assert find(tmp_path).files == ()
    assert find(tmp_path, FEED, Feed(system="other", files="*")).files[0].source_system == "other"


@pytest.mark.parametrize("text", ["{", '{"arrived_at": "2026-01-01"}', "[]"])
def test_a_broken_sidecar_is_an_error_that_names_it(tmp_path, text):
    path = drop(tmp_path, "a.csv")
    path.with_name("a.csv.arrival.json").write_text(text, encoding="utf-8")
    with pytest.raises(LandingError, match=r"a\.csv\.arrival\.json"):
        read_sidecar(path)


def test_a_location_outside_landing_is_copied_in_once(tmp_path):
    outside = tmp_path / "export"
    outside.mkdir()
    (outside / "a.csv").write_text("id\n1\n", encoding="utf-8")
    (outside / "notes.txt").write_text("x", encoding="utf-8")
    (outside / "link.csv").symlink_to(outside / "a.csv")
    feed = Feed(system="site", files="*.csv", location=str(outside))
    pending = find(tmp_path / "landing", feed)
    assert [file.relative_path for file in pending.files] == ["forms/submissions/2026-03-01/a.csv"]
    assert "link.csv" in pending.problems[0]
    (outside / "a.csv").write_text("id\n2\n", encoding="utf-8")
    again = find(tmp_path / "landing", feed, paths=frozenset(file.relative_path for file in pending.files))
    assert len(again.files) == 1
    assert again.files[0].path.read_text(encoding="utf-8") == "id\n2\n"
    assert pending.files[0].path.read_text(encoding="utf-8") == "id\n1\n"


def test_a_location_that_is_missing_is_named(tmp_path):
    pending = find(tmp_path, Feed(system="site", files="*", location=str(tmp_path / "none")))
    assert "is no folder" in pending.problems[0]
