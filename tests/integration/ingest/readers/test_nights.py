"""What a failed reader means for the night: its table is stale and says why, everything else goes on."""

from pathlib import Path

import pytest

from orchestration.ingest.collect import collect_table
from orchestration.ingest.sources import load_sources
from orchestration.ingest.warehouse import stale_tables
from orchestration.operate.raw_assets import _load, _required_refused
from orchestration.quality.suites import SOURCE_IS_READ

SUBMISSION = '{"submission_id": "s1", "submitted_at": "2026-02-28T10:00:00Z"}\n'


@pytest.fixture
def sources(bench, contract):
    """Check a sources.yml in which the table has the given feeds."""

    def make(*feeds: str):
        path: Path = bench.settings.home / "sources.yml"
        listed = "".join(f"          - {feed}\n" for feed in feeds)
        path.write_text(
            f"version: 1\nsources:\n  forms:\n    tables:\n      submissions:\n        feeds:\n{listed}",
            encoding="utf-8",
        )
        return load_sources(path, contract)

    return make


def read_and_load(bench, table, sources, run_id):
    """What a night does with one table."""
    feeds = sources.feeds(table.full_name)
    collected = collect_table(bench.settings, table, feeds)
    return _load(bench.connection, bench.settings, table, feeds, collected, run_id)


DEAD = "{system: api, reader: rest, url: 'http://127.0.0.1:9', retries: {attempts: 1}}"
FILES = "{system: site, files: 'site*'}"


def test_a_failed_reader_makes_its_table_stale_and_what_is_there_is_loaded(bench, sources):
    table = bench.table("forms.submissions")
    bench.drop("site.jsonl", SUBMISSION)
    result = read_and_load(bench, table, sources(DEAD, FILES), "night-1")
    assert (result.is_refused, result.rows_loaded) == (True, 1)
    (message,) = stale_tables(bench.connection).values()
    assert message.startswith(
        "forms.submissions: rest reader of api: http://127.0.0.1:9 cannot be read: ConnectionError"
    )
    assert bench.rows("select run_id, reader, source_system, status, files_landed from ops.reader_runs") == [
        ("night-1", "rest", "api", "failed", 0)
    ]
    assert "could not be brought up to date, and sources.yml calls it required" in _required_refused([result])


def test_a_failed_reader_is_a_red_check_that_warns_and_a_good_one_a_green_one(bench, sources):
    table = bench.table("forms.submissions")
    result = read_and_load(bench, table, sources(DEAD), "night-1")
    (check,) = result.checks
    assert (check.name, check.is_success, check.severity) == (SOURCE_IS_READ, False, "warning")
    assert check.message.startswith("forms.submissions: rest reader of api: http://127.0.0.1:9 cannot be read")
    found = (
        "select run_id, check_name, severity, is_success, unexpected_count, is_batch_refused from ops.quality_results"
    )
    assert bench.rows(found) == [("night-1", SOURCE_IS_READ, "warning", False, 1, False)]
    assert read_and_load(bench, table, sources(FILES), "night-2").checks == (), "nothing is fetched, nothing is claimed"


def test_a_reader_that_is_taken_out_leaves_no_stale_table(bench, sources):
    table = bench.table("forms.submissions")
    read_and_load(bench, table, sources(DEAD), "night-1")
    assert list(stale_tables(bench.connection)) == ["forms.submissions"]
    result = read_and_load(bench, table, sources(FILES), "night-2")
    assert not result.is_refused
    assert stale_tables(bench.connection) == {}


def test_one_of_two_readers_that_fails_is_enough(bench, sources):
    table = bench.table("forms.submissions")
    other = DEAD.replace("system: api", "system: other")
    read_and_load(bench, table, sources(DEAD, other), "night-1")
    (message,) = stale_tables(bench.connection).values()
    assert "rest reader of api" in message
    assert "rest reader of other" in message
