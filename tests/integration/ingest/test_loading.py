"""One loader: what comes in once stays once, versions are kept, a refused batch leaves no trace in raw."""

import json
from dataclasses import replace
from datetime import datetime

import pytest

from orchestration.ingest.loader import pending_files
from orchestration.ingest.sources import Feed
from orchestration.ingest.warehouse import stale_tables, write_as_of
from orchestration.settings import PROJECT_ROOT


def moment(*parts: int) -> datetime:
    """A UTC time without zone, as the warehouse holds it."""
    return datetime(*parts)


def submission(number: int, **values: object) -> dict:
    return {"submission_id": f"s{number}", "submitted_at": "2026-02-28T10:00:00Z", "form_type": "trial", **values}


def lead(number: int, updated_at: str, **values: object) -> dict:
    return {"lead_id": f"L{number}", "created_at": "2026-01-01T00:00:00Z", "updated_at": updated_at, **values}


def test_a_row_keeps_its_lineage_its_key_and_what_nobody_declared(bench):
    bench.land("a.jsonl", [submission(1, email="a@x.com", colour="red", nested={"a": 1})], 7, "2026-03-01T02:00:00Z")
    result = bench.load()
    assert (result.rows_in, result.rows_loaded, result.message) == (1, 1, "")
    row = bench.rows(
        "select _record_key, _record_id = md5('site|forms.submissions|s1'), _source_system, _is_date_only, _arrived_at, _load_sequence, "
        "_source_file, _source_row, length(_row_hash), cast(_extra as varchar), _load_id = (select load_id from ops.loads) "
        "from raw.forms__submissions"
    )
    assert row == [
        ("s1", True, "site", False, moment(2026, 3, 1, 2), 7, "forms/submissions/2026-03-01/a.jsonl", 1, 32,
         '{"colour":"red","nested":{"a":1}}', True)
    ]  # fmt: skip
    assert bench.rows("select run_id, source_table, rows_in, rows_loaded, status from ops.loads") == [
        ("run-1", "forms.submissions", 1, 1, "loaded")
    ]


def test_the_same_content_twice_is_no_load(bench):
    bench.drop("a.jsonl", [submission(1)])
    assert bench.load().rows_loaded == 1
    assert bench.load().files == ()
    bench.drop("copy.jsonl", [submission(1)], day="2026-03-02")
    assert bench.load().files == ()
    assert bench.rows("select count(*) from ops.loads") == [(1,)]
    assert len(bench.raw()) == 1


def test_nothing_pending_needs_no_great_expectations(bench):
    result = bench.load()
    assert (result.files, result.checks, result.is_refused) == ((), (), False)


def test_identical_rows_of_one_file_collapse_and_are_counted(bench):
    bench.drop("a.jsonl", [submission(1), submission(2), submission(1), submission(1)])
    result = bench.load()
    assert (result.rows_in, result.rows_loaded, result.rows_collapsed, result.rows_quarantined) == (4, 2, 2, 0)


def test_one_key_with_two_contents_in_one_file_is_quarantined_both(bench, many):
    bench.drop("a.jsonl", [*many, submission(1, email="a@x.com"), submission(1, email="b@x.com")])
    result = bench.load()
    assert (result.rows_loaded, result.rows_quarantined) == (20, 2)
    assert [row for row, _ in bench.quarantine()] == [21, 22]
    assert bench.quarantine("reasons[1], record_key, status")[0] == (
        "key s1 stands in 2 rows of this file with different content (same key)", "s1", "open",
    )  # fmt: skip


def test_different_updated_at_in_one_file_are_versions_in_their_order(bench):
    rows = [lead(1, "2026-01-03T00:00:00Z", status="Working"), lead(1, "2026-01-02T00:00:00Z", status="New")]
    bench.drop("a.jsonl", rows, table="crm.leads")
    assert bench.load(table="crm.leads").rows_loaded == 2
    latest = "select status from raw.crm__leads order by _arrived_at desc, _load_sequence desc, updated_at desc limit 1"
    assert bench.rows(latest) == [("Working",)]


def test_a_later_delivery_is_a_version_and_an_unchanged_one_collapses(bench):
    bench.land("a.jsonl", [submission(1, email="a@x.com"), submission(2)], 1, "2026-03-01T02:00:00Z")
    bench.load()
    bench.land("b.jsonl", [submission(1, email="b@x.com"), submission(2), submission(3)], 2, "2026-03-02T02:00:00Z")
    result = bench.load()
    assert (result.rows_in, result.rows_loaded, result.rows_collapsed) == (3, 2, 1)
    assert bench.raw("submission_id, email") == [("s1", "a@x.com"), ("s2", None), ("s1", "b@x.com"), ("s3", None)]


def test_a_value_that_returns_is_a_version_again(bench):
    for sequence, email in enumerate(("a@x.com", "b@x.com", "a@x.com", "a@x.com"), start=1):
        bench.land(
            "a.jsonl",
            [submission(1, email=email, seen=sequence if sequence < 4 else 3)],
            sequence,
            f"2026-03-0{sequence}T02:00:00Z",
        )
        bench.load()
    assert [email for (email,) in bench.raw("email")] == ["a@x.com", "b@x.com", "a@x.com"]


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_a_rebuild_in_one_batch_keeps_the_versions_of_many_nights(bench, is_one_batch):
    deliveries = [
        [submission(1, email="a@x.com"), submission(2)],
        [submission(1, email="b@x.com"), submission(2)],
        [submission(1, email="b@x.com"), submission(2, email="c@x.com"), submission(2, email="c@x.com")],
        [submission(1, email="a@x.com")],
    ]
    for sequence, rows in enumerate(deliveries, start=1):
        bench.land("a.jsonl", rows, sequence, f"2026-03-0{sequence}T02:00:00Z")
        if not is_one_batch:
            bench.load()
    if is_one_batch:
        bench.load()
    assert bench.raw("submission_id, email, _load_sequence, _source_row") == [
        ("s1", "a@x.com", 1, 1), ("s2", None, 1, 2), ("s1", "b@x.com", 2, 1), ("s2", "c@x.com", 3, 2), ("s1", "a@x.com", 4, 1),
    ]  # fmt: skip
    assert bench.rows("select sum(rows_in), sum(rows_loaded), sum(rows_collapsed) from ops.loads") == [(8, 5, 3)]


def test_one_history_file_holds_many_deliveries_by_its_arrival_expression(bench):
    rows = [
        submission(1, email="a@x.com", seen="2026-03-02"),
        submission(1, email="b@x.com", seen="2026-03-03"),
        submission(1, email="b@x.com", seen="2026-03-04"),
    ]
    bench.drop("a.jsonl", rows)
    result = bench.load(Feed(system="site", arrival="seen"))
    assert (result.rows_loaded, result.rows_collapsed, result.rows_quarantined) == (2, 1, 0)
    assert bench.raw("email, _arrived_at, cast(_extra as varchar)") == [
        ("a@x.com", moment(2026, 3, 2), None), ("b@x.com", moment(2026, 3, 3), None),
    ]  # fmt: skip


def test_two_systems_with_one_key_are_two_records(bench):
    bench.drop("site.jsonl", [submission(1)])
    bench.drop("shop.jsonl", [submission(1, email="a@x.com")])
    assert bench.load(Feed(system="site", files="site*"), Feed(system="shop", files="shop*")).rows_loaded == 2
    assert bench.rows("select count(distinct _record_id), count(distinct _record_key) from raw.forms__submissions") == [
        (2, 1)
    ]


def test_a_composite_key_escapes_its_separator(bench):
    rows = [
        {"object_type": "lead", "loser_id": "a|b", "winner_id": "c", "merged_at": "2026-02-01T00:00:00Z"},
        {"object_type": "lead", "loser_id": "a", "winner_id": "b|c", "merged_at": "2026-02-01T00:00:00Z"},
        {"object_type": "lead", "loser_id": "d\\", "winner_id": "e", "merged_at": "2026-02-01T00:00:00Z"},
    ]
    bench.drop("a.jsonl", rows, table="crm.merges")
    bench.load(table="crm.merges")
    assert bench.raw("_record_key", table="crm.merges") == [(r"lead|a\|b|c",), (r"lead|a|b\|c",), (r"lead|d\\|e",)]


def test_a_timestamp_in_a_key_is_written_with_microseconds(bench):
    row = {
        "object_type": "lead",
        "object_id": "L1",
        "field": "status",
        "new_value": "MQL",
        "changed_at": "2026-02-01T08:00:00+08:00",
    }
    bench.drop("a.jsonl", [row], table="crm.status_history")
    bench.load(table="crm.status_history")
    assert bench.raw("_record_key", table="crm.status_history") == [("lead|L1|status|MQL|2026-02-01 00:00:00.000000",)]


def test_a_broken_row_goes_to_quarantine_with_every_reason_and_the_rest_goes_on(bench, many):
    bench.drop(
        "a.jsonl", [*many, {"submission_id": "bad", "submitted_at": "yesterday", "consent_marketing": "perhaps"}]
    )
    result = bench.load()
    assert (result.is_refused, result.rows_loaded, result.rows_quarantined) == (False, 20, 1)
    assert bench.quarantine("source_row, reasons, json_extract_string(raw_text, '$.submitted_at')") == [
        (21, ["submitted_at: not a TIMESTAMP: yesterday", "consent_marketing: not a BOOLEAN: perhaps"], "yesterday")
    ]


def test_row_level_checks_add_their_reasons_to_the_cast_s(bench):
    rows = [lead(number, "2026-01-02T00:00:00Z") for number in range(30)]
    costs = [
        {
            "day": f"2026-01-{day:02}",
            "channel": "cpc",
            "cost_type": "media",
            "purpose": "acquisition",
            "cost_amount": "1.00",
        }
        for day in range(1, 25)
    ]
    costs.append({"day": "1970-01-01", "channel": "cpc", "cost_amount": "-5", "clicks": "many"})
    bench.drop("a.jsonl", costs, table="finance.costs")
    assert bench.load(table="finance.costs").rows_quarantined == 1
    reasons = bench.quarantine("reasons", table="finance.costs")[0][0]
    assert sorted(reasons) == [
        "clicks: not a BIGINT: many",
        "cost_amount: must be 0 or more (-5.00)",
        "day: before 1990 or more than 400 days after it arrived (1970-01-01)",
    ]
    assert rows


def test_unknown_words_warn_and_load(bench):
    bench.drop("a.jsonl", [submission(1, form_type="raffle", email="not an address")])
    result = bench.load()
    assert result.rows_loaded == 1
    warnings = {check.name: check.unexpected_count for check in result.checks if not check.is_success}
    assert warnings == {"form_type_is_known": 1, "email_has_an_address_shape": 1}
    assert not any(check.is_batch_refused for check in result.checks)


def test_a_refused_batch_leaves_raw_as_it_was_and_says_why(bench):
    bench.drop("good.jsonl", [submission(1)])
    bench.load()
    before = bench.rows("select * from raw.forms__submissions")
    bench.drop(
        "bad.jsonl",
        [submission(number, submitted_at="2970-01-01") for number in range(10)] + [submission(99)],
        day="2026-03-02",
    )
    result = bench.load()
    assert result.is_refused
    assert result.rows_in == 11
    assert "submitted_at_is_plausible: 10 of 11 rows" in result.message
    assert result.message.count("2970-01-01") >= 3
    assert bench.rows("select * from raw.forms__submissions") == before
    assert bench.quarantine() == []
    assert bench.rows("select status, rows_in, rows_loaded from ops.loads order by load_sequence") == [
        ("loaded", 1, 1),
        ("refused", 11, 0),
    ]
    assert list(stale_tables(bench.connection)) == ["forms.submissions"]
    refused = bench.rows("select check_name from ops.quality_results where is_batch_refused order by all")
    assert refused == [("quarantined_share",), ("submitted_at_is_plausible",)]


def test_a_corrected_suite_heals_a_refused_batch(bench, tmp_path):
    bench.drop("a.jsonl", [submission(number, submitted_at="1980-01-01") for number in range(10)])
    assert bench.load().is_refused
    assert bench.load().is_refused
    root = tmp_path / "checkout"
    (root / "expectations" / "raw").mkdir(parents=True)
    source = PROJECT_ROOT / "expectations" / "raw" / "forms__submissions.json"
    target = root / "expectations" / "raw" / source.name
    target.write_text(source.read_text(encoding="utf-8").replace("1990-01-01", "1970-01-01"), encoding="utf-8")
    result = bench.load(settings=replace(bench.settings, project_root=root))
    assert (result.is_refused, result.rows_loaded) == (False, 10)
    assert stale_tables(bench.connection) == {}
    assert bench.rows("select status, count(*) from ops.loads group by all order by all") == [
        ("loaded", 1),
        ("refused", 2),
    ]


def test_files_of_one_batch_are_refused_together_and_load_together(bench):
    bench.drop("a.jsonl", [submission(1)])
    bench.drop("b.jsonl", b"\x1f\x8b broken")
    assert bench.load(
        Feed(system="site", files="a*"), Feed(system="site", files="b*", options={"compression": "gzip"})
    ).is_refused
    assert bench.raw() == []
    bench.path("b.jsonl").unlink()
    bench.path("b.jsonl.arrival.json").unlink()
    assert bench.load().rows_loaded == 1


def test_every_check_is_reported_and_kept(bench):
    bench.drop("a.jsonl", [submission(1)])
    result = bench.load()
    from orchestration.quality.suites import raw_check_specs

    specs = raw_check_specs(bench.settings.expectations_dir, "forms__submissions", "forms.submissions")
    assert [check.name for check in result.checks] == [spec.name for spec in specs]
    assert all(check.is_success for check in result.checks)
    assert bench.rows("select count(*), bool_and(is_success), min(gate) from ops.quality_results") == [
        (len(specs), True, "raw")
    ]


def test_a_suite_that_cannot_be_evaluated_refuses(bench, tmp_path):
    root = tmp_path / "checkout"
    (root / "expectations" / "raw").mkdir(parents=True)
    suite = json.loads((PROJECT_ROOT / "expectations" / "raw" / "forms__submissions.json").read_text(encoding="utf-8"))
    suite["expectations"].append(
        {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "nowhere"},
            "severity": "critical",
            "meta": {"name": "nowhere_is_present", "level": "table"},
        }
    )
    (root / "expectations" / "raw" / "forms__submissions.json").write_text(json.dumps(suite), encoding="utf-8")
    bench.drop("a.jsonl", [submission(1)])
    result = bench.load(settings=replace(bench.settings, project_root=root))
    assert result.is_refused
    assert "nowhere_is_present could not be evaluated" in result.message


def test_as_of_is_the_latest_arrival_unless_it_is_given(bench):
    assert write_as_of(bench.connection, None) == moment(1970, 1, 1)
    bench.land("a.jsonl", [submission(1)], 1, "2026-03-01T02:00:00Z")
    bench.load()
    assert write_as_of(bench.connection, None) == moment(2026, 3, 1, 2)
    write_as_of(bench.connection, datetime.fromisoformat("2026-02-01T08:00:00+08:00"))
    assert bench.rows("select as_of from ops.as_of") == [(moment(2026, 2, 1),)]


def test_loaded_paths_are_not_opened_again(bench):
    path = bench.drop("a.jsonl", [submission(1)])
    bench.load()
    path.with_name("a.jsonl.arrival.json").unlink()
    assert (
        pending_files(bench.connection, bench.settings, bench.table("forms.submissions"), (bench.feed,), 0).files == ()
    )
