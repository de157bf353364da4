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


@pytest.mark.parametrize(("table", "keys"), [("crm.activities", "activity_id"), ("crm.status_history", "field")])
def test_what_happened_to_something_that_no_crm_table_has_is_told(bench, table, keys):
    known = {"crm.leads": "lead_id", "crm.contacts": "contact_id", "crm.opportunities": "opportunity_id"}
    for name, key in known.items():
        bench.drop("a.jsonl", [{key: name[4], "created_at": "2026-02-01", "updated_at": "2026-02-01"}], table=name)
        assert bench.load(table=name).rows_loaded == 1
    times = {"occurred_at": "2026-02-28", "changed_at": "2026-02-28"}
    rows = [{keys: f"k{number}", "object_id": ("l", "c", "o", "nobody")[number % 4], **times} for number in range(40)]
    bench.drop("a.jsonl", rows, table=table)
    result = bench.load(table=table)
    assert failed(result) == {"object_id_is_there": 10}
    assert (result.is_refused, result.rows_loaded) == (False, 40)


def test_a_check_with_a_tolerance_of_its_own_refuses_where_the_suite_would_not(bench):
    """Suite: 5 % and always five rows. Costs without an amount: 1 %, since a channel whose costs are missing looks cheap."""

    def costs(name, bad, **broken):
        row = {"day": "2026-02-27", "channel": "search", "cost_amount": 10, "currency": "EUR"}
        return [{**row, "campaign_id": f"{name} {n}", **(broken if n < bad else {})} for n in range(200)]

    for name, bad, broken, refused in (
        ("five always may", 5, "cost_amount", False),
        ("three percent without a day", 6, "day", False),
        ("three percent without an amount", 6, "cost_amount", True),
    ):
        before = bench.rows("select count(*) from raw.finance__costs")
        bench.drop(f"{name}.jsonl", costs(name, bad, **{broken: None}), table="finance.costs")
        result = bench.load(table="finance.costs")
        assert result.is_refused is refused, name
        assert [check.name for check in result.checks if check.is_batch_refused] == (
            ["cost_amount_is_present"] if refused else []
        )
        assert (bench.rows("select count(*) from raw.finance__costs") == before) is refused


def test_every_raw_table_that_points_at_another_asks_for_it_and_every_one_with_a_time_for_its_age():
    """What has no such check has a reason here."""
    points_nowhere = {
        "consent.events", "consent.suppression",  # at identifiers, which identity resolves
        "crm.accounts", "crm.campaigns",  # at another row of their own file only
        "engagement.content",  # at products, of which there is no table
    }  # fmt: skip
    has_no_rhythm = {
        "consent.suppression", "crm.target_lists", "crm.opportunity_contacts",  # lists without a time of their own
        "crm.accounts", "crm.campaigns", "engagement.content", "events.catalog", "webinars.catalog",  # catalogues
        "crm.merges",  # months without a merge are well
    }  # fmt: skip
    tables = load_contract(PROJECT_ROOT / "models").tables.values()
    suites = {
        table.full_name: {
            check.name
            for check in load_suite(raw_suite_path(PROJECT_ROOT / "expectations", table.identifier), "").checks
        }
        for table in tables
    }
    assert {
        name for name, checks in suites.items() if not any(c.endswith("_is_there") for c in checks)
    } == points_nowhere
    assert {name for name, checks in suites.items() if "newest_row_is_recent" not in checks} == has_no_rhythm


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
