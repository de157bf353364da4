"""Checks that look beyond the batch: references, volume and quarantine against the trailing mean, age of the newest row. They warn."""

import json

import pytest

from orchestration.ingest.contract import load_contract
from orchestration.operate.raw_assets import alarms
from orchestration.quality.suites import QUARANTINE_IS_USUAL, load_suite, raw_suite_path
from orchestration.settings import PROJECT_ROOT
from tests.integration.ingest.conftest import submission


def failed(result):
    return {check.name: check.unexpected_count for check in result.checks if not check.is_success}


def nights(bench, count, rows=20, first=1, bad=0):
    """So many nights of the same size, each with so many rows that cannot be cast; return the last one's result."""
    for sequence in range(first, first + count):
        lines = [submission(sequence * 1_000 + number) for number in range(rows)]
        for line in lines[:bad]:
            line["submitted_at"] = "never"
        bench.land(f"{sequence}.jsonl", lines, sequence, f"2026-03-{sequence:02}T02:00:00Z")
        result = bench.load()
    return result


@pytest.mark.parametrize("rows", [1, 201])
def test_a_file_of_unusual_size_is_told_and_loaded(bench, rows):
    assert failed(nights(bench, 5)) == {}
    result = nights(bench, 1, rows, first=6)
    assert failed(result) == {"row_count_is_usual": 1}
    assert (result.is_refused, result.rows_loaded) == (False, rows)
    assert failed(nights(bench, 1, 19, first=7)) == {}


def test_the_alarm_says_table_count_and_what_to_type(bench):
    nights(bench, 3, rows=200)
    result = nights(bench, 1, rows=200, first=4, bad=6)
    assert not result.is_refused
    assert failed(result)[QUARANTINE_IS_USUAL] == 1
    (told,) = alarms(result)
    assert told.startswith("forms.submissions: 6 of 200 rows went to quarantine: the share of rows")
    assert told.endswith("leadrelay quarantine show forms.submissions")
    # Some nights of it are a habit.
    for sequence in range(5, 7):
        last = nights(bench, 1, rows=200, first=sequence, bad=6)
    assert alarms(last) == []
    assert bench.rows(
        "select count(*) from ops.quality_results where check_name = 'quarantine_is_usual' and not is_success"
    ) != [(0,)]


def test_a_key_that_nothing_has_is_told_once_there_is_something_to_have(bench):
    rows = [
        {"registration_id": f"r{number}", "event_id": f"e{number % 3}", "registered_at": "2026-02-28"}
        for number in range(30)
    ]
    bench.drop("a.jsonl", rows, table="events.registrations")
    assert failed(bench.load(table="events.registrations")) == {}
    bench.drop("c.jsonl", [{"event_id": "e0"}, {"event_id": "e1"}], table="events.catalog")
    bench.load(table="events.catalog")
    more = [{**row, "registration_id": f"s{row['registration_id']}"} for row in rows]
    bench.drop("b.jsonl", more, table="events.registrations")
    result = bench.load(table="events.registrations")
    assert failed(result) == {"event_id_is_there": 10}
    assert (result.is_refused, result.rows_loaded) == (False, 30)


def test_a_file_of_old_rows_only_is_told_once_history_is_in(bench):
    bench.drop("history.jsonl", [submission(1, submitted_at="2020-01-01")])
    assert failed(bench.load()) == {}
    nights(bench, 2, first=2)
    bench.drop("a.jsonl", [submission(number, submitted_at="2026-01-01") for number in range(10, 19)], day="2026-03-20")
    result = bench.load()
    assert failed(result) == {"newest_row_is_recent": 1}
    assert result.rows_loaded == 9


def test_every_raw_suite_holds_each_kind_of_check_with_a_reason_of_its_own():
    for table in load_contract(PROJECT_ROOT / "models").tables.values():
        path = raw_suite_path(PROJECT_ROOT / "expectations", table.identifier)
        suite = load_suite(path, table.full_name)
        names = {check.name for check in suite.checks}
        assert {
            "columns_match_contract",
            "has_rows",
            "rows_can_be_read",
            "keys_are_unique",
            "row_count_is_usual",
            QUARANTINE_IS_USUAL,
        } <= names
        assert {check.reason for check in suite.checks if check.reason == check.name.replace("_", " ")} == set()
        written = json.loads(path.read_text(encoding="utf-8"))
        assert 0 < written["meta"]["tolerance"] <= 0.1
