"""The histories of docs/reference/lifecycle-cases.md, each as raw facts through load, identity, score and ledger.

Numbers in the test names are those of that page; what was recorded is in `histories`, what later nights learn in `test_late_facts`.
"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import Settings
from orchestration.transform.runner import run_dbt
from tests.integration.lifecycle.conftest import finish
from tests.integration.lifecycle.histories import Reader
from tests.integration.lifecycle.threads import Plugin, profile_with_threads


@pytest.fixture(scope="module")
def warehouse(stories_home: Settings) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(stories_home.warehouse_path), read_only=True)


@pytest.fixture
def story(warehouse: duckdb.DuckDBPyConnection) -> Callable[[str], Reader]:
    return lambda slug: Reader(warehouse, slug)


Story = Callable[[str], Reader]


def test_case_01_a_rejection_alone_promotes_nobody(story: Story) -> None:
    case = story("caseone")
    assert case.ledger == [("Name-01", "start", 1)]
    assert case.anomalies == ["reject_without_handover"]


def test_case_02_rejected_before_our_mql_keeps_the_stage_and_the_factor_applies(story: Story) -> None:
    case = story("casetwo")
    assert case.ledger == [("Target-01", "skip", 1)]
    assert case.anomalies == ["rejected_before_mql"]
    assert case.counted_rejections == 1


def test_case_03_a_small_engagement_after_the_factor_stays_below_the_threshold(story: Story) -> None:
    labels = [label for label, _, _ in story("casethree").ledger]
    assert labels == ["Engaged-01"]
    control = [label for label, _, _ in story("casethreecontrol").ledger]
    assert control == ["Engaged-01", "MQL-01"]


def test_case_04_rejected_twice_in_a_row_returns_once(story: Story) -> None:
    case = story("casefour")
    assert case.ledger == [("MQL-01", "skip", 1), ("Target-01", "return", 2)]
    assert case.counted_rejections == 1
    assert case.anomalies == ["repeated_rejection"]


def test_case_05_mql_again_by_the_score_and_rejected_again(story: Story) -> None:
    case = story("casefive")
    assert [label for label, _, _ in case.ledger] == ["Target-01", "MQL-01", "Target-02", "MQL-02", "Target-03"]
    assert case.counted_rejections == 2


def test_case_06_after_a_return_the_score_alone_is_not_enough(story: Story) -> None:
    case = story("casesix")
    assert [label for label, _, _ in case.ledger] == ["MQL-01", "Target-01", "MQL-02"]
    assert case.entered("MQL-02") == datetime(2026, 2, 10, 10)


def test_case_07_accepted_without_mql_is_one_row_that_skips(story: Story, warehouse: duckdb.DuckDBPyConnection) -> None:
    case = story("caseseven")
    assert case.ledger == [("Name-01", "start", 1), ("SQL-01", "skip", 1)]
    skipped = warehouse.execute(
        "select skipped_stages from marts.fct_lifecycle_transition where person_id = ? and stage = 'sql'",
        [case.person_id],
    ).fetchone()
    assert skipped == (3,)


def test_case_08_anonymous_points_count_when_a_form_completes_the_gate(story: Story) -> None:
    case = story("caseeight")
    assert case.ledger == [("Awareness-01", "start", 1), ("MQL-01", "skip", 1)]
    assert case.entered("MQL-01") == datetime(2026, 3, 5, 10)


def test_case_09_a_company_that_arrives_later_makes_the_mql_unless_there_was_a_return(story: Story) -> None:
    assert story("casenine").entered("MQL-01") == datetime(2026, 4, 1, 9)
    assert story("caseninereturned").entered("MQL-01") == datetime(2026, 4, 5, 10)


def test_case_10_a_lead_rejection_while_the_opportunity_is_open_returns_nobody(story: Story) -> None:
    case = story("caseten")
    assert case.ledger == [("MQL-01", "skip", 1), ("Opportunity-01", "skip", 1)]
    assert case.anomalies == ["rejected_while_opportunity_open"]


def test_case_11_only_the_last_lost_opportunity_returns(story: Story) -> None:
    case = story("caseeleven")
    assert case.ledger == [("MQL-01", "skip", 1), ("Opportunity-01", "skip", 1), ("Target-01", "return", 2)]
    assert case.entered("Target-01") == datetime(2026, 4, 20, 9)


def test_case_12_the_second_open_opportunity_becomes_an_expansion(story: Story) -> None:
    case = story("casetwelve")
    assert [label for label, _, _ in case.ledger] == ["Name-01", "Opportunity-01", "Customer-01"]
    assert case.expansion == [("Opportunity-02", "new_cycle", 1), ("Customer-02", "advance", 1)]
    assert case.entered("Opportunity-02") == datetime(2026, 3, 20, 9)


def test_case_14_a_lost_upsell_closes_and_the_customer_stays(
    story: Story, warehouse: duckdb.DuckDBPyConnection
) -> None:
    case = story("casefourteen")
    assert case.ledger[-1][0] == "Customer-01"
    assert case.expansion == [("Opportunity-02", "new_cycle", 1)]
    outcome = warehouse.execute(
        "select outcome, is_current from marts.fct_lifecycle_transition where person_id = ? and track = 'expansion'",
        [case.person_id],
    ).fetchone()
    assert outcome == ("lost", False)
    # the stock of customers on the day before, during and after the upsell
    stocks = [
        warehouse.execute(
            "select count(*) from marts.fct_lifecycle_transition where person_id = $1 and track = 'acquisition'"
            " and stage = 'customer' and entered_at <= $2 and (exited_at is null or exited_at > $2)",
            [case.person_id, day],
        ).fetchone()
        for day in (datetime(2026, 5, 1), datetime(2026, 5, 20), datetime(2026, 7, 1))
    ]
    assert stocks == [(1,), (1,), (1,)]


def test_case_15_a_churned_customer_comes_back_as_customer_02(story: Story) -> None:
    case = story("casefifteen")
    labels = [label for label, _, _ in case.ledger]
    assert labels == [
        "Target-01",
        "Opportunity-01",
        "Customer-01",
        "Target-02",
        "MQL-01",
        "Opportunity-02",
        "Customer-02",
    ]
    assert ("churned", datetime(2025, 6, 1, 9), datetime(2026, 7, 10, 9)) in case.statuses


def test_case_18_while_disqualified_advances_are_muted_for_good(story: Story) -> None:
    case = story("caseeighteen")
    assert case.ledger == [("Target-01", "skip", 1), ("Target-02", "new_cycle", 2), ("MQL-01", "advance", 2)]
    assert case.entered("MQL-01") == datetime(2026, 4, 10, 10)
    assert set(case.anomalies) == {"advance_while_disqualified"}


def test_a_win_while_disqualified_is_muted_and_the_next_one_makes_the_customer(story: Story) -> None:
    case = story("wonwhiledisqualified")
    assert case.ledger == [
        ("Target-01", "skip", 1),
        ("Target-02", "new_cycle", 2),
        ("SQL-01", "skip", 2),
        ("Opportunity-01", "advance", 2),
        ("Customer-01", "advance", 2),
    ]
    assert case.entered("Customer-01") == datetime(2026, 5, 10, 9)
    assert case.expansion == [("Opportunity-02", "new_cycle", 1)]
    assert set(case.anomalies) == {"advance_while_disqualified"}


def test_a_recycled_person_who_skips_the_mql_is_recycled_no_more(story: Story) -> None:
    case = story("recycledskips")
    assert case.ledger[-1] == ("SQL-01", "skip", 2)
    assert ("recycled", datetime(2026, 3, 5, 9), datetime(2026, 4, 5, 9)) in case.statuses


def test_case_19_disqualified_by_mistake_is_a_status_of_hours(story: Story) -> None:
    case = story("casenineteen")
    assert case.ledger == [("MQL-01", "skip", 1)]
    assert ("disqualified", datetime(2026, 3, 5, 9), datetime(2026, 3, 5, 15)) in case.statuses


def test_case_20_a_page_view_ends_a_dormant_time_and_nothing_else(story: Story) -> None:
    case = story("casetwenty")
    assert case.ledger == [("MQL-01", "skip", 1)]
    # 30 days of patience at MQL after the form; after the page view the next 30 days run
    assert case.statuses[0] == ("dormant", datetime(2026, 2, 9, 10), datetime(2026, 7, 29, 10))


def test_case_21_the_stage_held_during_the_gap_decides_what_is_long(story: Story) -> None:
    case = story("casetwentyone")
    assert [label for label, _, _ in case.ledger] == ["MQL-01", "Target-01"]
    assert not [row for row in case.statuses if row[0] == "dormant" and row[1] < datetime(2026, 3, 11)]


def test_case_24_accepted_and_rejected_in_one_second(story: Story) -> None:
    case = story("casetwentyfour")
    assert case.ledger == [("MQL-01", "skip", 1), ("SQL-01", "advance", 1), ("Target-01", "return", 2)]
    assert case.entered("SQL-01") == case.entered("Target-01")


def test_case_25_one_form_that_makes_an_mql_writes_one_row(story: Story) -> None:
    assert story("casetwentyfive").ledger == [("MQL-01", "skip", 1)]


def test_case_26_won_before_the_first_contact(story: Story) -> None:
    case = story("casetwentysix")
    assert case.ledger == [("Opportunity-01", "skip", 1), ("Customer-01", "advance", 1)]
    assert "won_before_first_contact" in case.anomalies


def test_case_30_an_unsubscribe_changes_no_stage_and_turns_the_channel_off(story: Story) -> None:
    case = story("casethirty")
    assert case.ledger == [("MQL-01", "skip", 1)]
    contactable = "select is_contactable from marts.mart_contactability where person_id = $1 and channel = 'email'"
    assert case._rows(f"{contactable} and purpose = 'marketing'") == [(False,)]


def test_case_32_dates_without_time_never_reverse_within_their_day(story: Story) -> None:
    case = story("casethirtytwo")
    labels = [label for label, _, _ in case.ledger]
    # the acceptance opens the day of the form, so the form moves nobody; on the next day the acceptance moves nobody and the
    # return follows it: no row is reversed by another of its own day
    assert labels == ["SQL-01", "MQL-01"]


CHAIN = (
    "+fct_lifecycle_transition,int_lifecycle__*",
    "+fct_lifecycle_transition,int_scoring__*",
    "fct_lifecycle_transition",
    "fct_lifecycle_status",
    "fct_account_stage",
    "mart_lifecycle_anomaly",
)
INVARIANTS = (
    "assert_ledger_holds_its_invariants",
    "assert_stage_days_sum_to_the_span",
    "assert_statuses_hold_their_invariants",
    "assert_account_stages_tile",
)


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_case_33_shuffled_on_any_number_of_threads_every_mart_of_the_ledger_is_identical(
    threads: int, stories_home: Settings, warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Shuffle every table that the chain reads, run all of it, signals and score included, anew, and hold it against the invariants."""
    settings = replace(stories_home, home=tmp_path / "home")
    shutil.copytree(stories_home.home, settings.home)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute(f"select setseed({1 / threads})")
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name in ('raw', 'staging', 'intermediate')"
        ).fetchall():
            name = f'{schema}."{table}"'
            connection.execute(f"create temporary table shuffled as select * from {name} order by random()")
            connection.execute(f"delete from {name}; insert into {name} select * from shuffled; drop table shuffled")
    Plugin.wanted, Plugin.seen = threads, set()
    profile = profile_with_threads(tmp_path)
    for command, selected in (("run", CHAIN), ("test", INVARIANTS)):
        outcome = finish(run_dbt(settings, [command, *profile, "--select", *selected]))
        assert outcome.success, outcome.failures
    assert len(outcome.passed) == len(INVARIANTS)
    assert Plugin.seen == {threads}
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as rebuilt:
        for mart in CHAIN[2:]:
            question = f"select * from marts.{mart} order by all"
            assert rebuilt.execute(question).fetchall() == warehouse.execute(question).fetchall(), mart


def account_of(warehouse: duckdb.DuckDBPyConnection, crm_account_id: str) -> str:
    return warehouse.execute(
        "select account_id from intermediate.int_identity__crm_accounts where crm_account_id = ?", [crm_account_id]
    ).fetchone()[0]


def stages_of_account(warehouse: duckdb.DuckDBPyConnection, crm_account_id: str) -> list[tuple[str, bool]]:
    return warehouse.execute(
        "select stage, is_current from marts.fct_account_stage where account_id = ? order by entered_at",
        [account_of(warehouse, crm_account_id)],
    ).fetchall()


def test_case_13_an_upsell_flag_while_an_opportunity_is_open_joins_it(story: Story) -> None:
    case = story("casethirteen")
    assert case.expansion == [("Opportunity-02", "new_cycle", 1), ("Customer-02", "advance", 1)]
    assert case.anomalies == ["lost_while_other_opportunity_open", "opened_while_expansion_open"]


def test_case_16_a_customer_who_changes_the_employer_begins_again_and_the_account_stays_customer(
    story: Story, warehouse: duckdb.DuckDBPyConnection
) -> None:
    case = story("casesixteen")
    assert case.ledger == [
        ("Name-01", "start", 1),
        ("Opportunity-01", "skip", 1),
        ("Customer-01", "advance", 1),
        ("Engaged-01", "new_cycle", 2),
    ]
    assert case.entered("Engaged-01") == datetime(2026, 5, 1, 9)
    old, new = account_of(warehouse, "A-OLD"), account_of(warehouse, "A-NEW")
    assert case.accounts() == [old, old, old, new]
    assert stages_of_account(warehouse, "A-OLD")[-1] == ("customer", True)
    assert stages_of_account(warehouse, "A-NEW") == [("engaged", True)]
    # the deal that was open stays behind, and what becomes of it there moves nobody
    assert case.expansion == [("Opportunity-02", "new_cycle", 1)]
    assert case._rows("select outcome from marts.fct_lifecycle_transition where person_id = $1 and outcome <> ''") == [
        ("left",)
    ]
    assert case.anomalies == ["fact_of_former_employer"]


def test_case_17_a_colleague_of_a_buyer_is_an_mql_of_a_customer_account(
    story: Story, warehouse: duckdb.DuckDBPyConnection
) -> None:
    assert [label for label, _, _ in story("caseseventeen").ledger] == ["Name-01", "MQL-01"]
    assert stages_of_account(warehouse, "A-17") == [
        ("name", False),
        ("opportunity", False),
        ("customer", True),
    ]


def test_case_22_a_title_that_changes_to_student_moves_nobody_and_shows_as_a_blocker(story: Story) -> None:
    case = story("casetwentytwo")
    assert [label for label, _, _ in case.ledger] == ["Target-01", "MQL-01"]
    (score_at_entry,) = case._rows(
        "select score_at_entry from marts.fct_lifecycle_transition where person_id = $1 and stage = 'mql'"
    )[0]
    score_now, blockers = case._rows("select score, mql_blockers from marts.fct_person_score where person_id = $1")[0]
    assert score_now < 50 <= score_at_entry
    assert blockers


def test_case_28_a_lost_opportunity_that_is_reopened_is_entered_again(story: Story) -> None:
    case = story("casetwentyeight")
    assert case.ledger == [
        ("Name-01", "start", 1),
        ("Opportunity-01", "skip", 1),
        ("Engaged-01", "return", 2),
        ("Opportunity-02", "skip", 2),
        ("Customer-01", "advance", 2),
    ]
    assert case.entered("Opportunity-02") == datetime(2026, 4, 10, 9)


def test_case_28_a_loss_taken_back_the_same_day_by_the_same_user_is_a_correction(story: Story) -> None:
    case = story("casetwentyeightslip")
    assert case.ledger == [("Name-01", "start", 1), ("Opportunity-01", "skip", 1)]
    assert case.anomalies == ["loss_taken_back_the_same_day"]


def test_a_status_that_somebody_is_born_with_counts_from_the_creation(story: Story) -> None:
    assert story("bornaccepted").ledger == [("SQL-01", "skip", 1)]
    case = story("bornmql")
    assert case.ledger == [("MQL-01", "skip", 1), ("SQL-01", "advance", 1)]
    assert case.entered("MQL-01") == datetime(2026, 3, 1, 9)


def test_a_renewal_without_an_opportunity_is_an_expansion(story: Story) -> None:
    assert story("renewal").expansion == [("Customer-02", "new_cycle", 1)]


def test_churn_closes_an_open_expansion(story: Story) -> None:
    case = story("churnwhileopen")
    assert case.expansion == [("Opportunity-02", "new_cycle", 1)]
    outcomes = (
        "select outcome, is_current from marts.fct_lifecycle_transition where person_id = $1 and track = 'expansion'"
    )
    assert case._rows(outcomes) == [("churned", False)]


def test_a_customers_hand_raise_is_accepted_and_then_rejected(story: Story) -> None:
    case = story("handraise")
    assert case.ledger[-1][0] == "Customer-01"
    assert case.expansion == [("MQL-01", "new_cycle", 1), ("SQL-01", "advance", 1), ("MQL-02", "new_cycle", 2)]
    assert case.outcomes == [None, "lost", None]
    assert case.anomalies == []


def test_a_rejection_closes_a_customers_hand_raise_and_one_with_nothing_open_does_nothing(story: Story) -> None:
    case = story("handraiserejected")
    assert case.expansion == [("MQL-01", "new_cycle", 1), ("MQL-02", "new_cycle", 2)]
    assert case.outcomes == ["lost", None]
    assert case.anomalies == ["rejected_while_customer"]
    case = story("handraisereturned")
    assert case.expansion == [("MQL-01", "new_cycle", 1)]
    assert case.anomalies == ["return_without_effect"]
    case = story("rejectedcustomer")
    assert case.ledger[-1][0] == "Customer-01"
    assert case.expansion == []
    assert case.anomalies == ["rejected_while_customer"]


def test_a_return_that_finds_nobody_to_return_is_listed(story: Story) -> None:
    case = story("nobodytoreturn")
    assert case.ledger == [("Name-01", "start", 1)]
    assert case.anomalies == ["return_without_effect"]


def test_words_that_no_map_knows_move_nobody_and_are_listed(story: Story) -> None:
    case = story("unknownwords")
    assert case.ledger == [("Name-01", "start", 1)]
    told = case._rows("select anomaly, signal from marts.mart_lifecycle_anomaly where person_id = $1 order by 2")
    assert told == [
        ("unmapped_crm_status", "status = Nurturing"),
        ("unmapped_crm_status", "telemarketing = call back in May"),
    ]


def test_facts_that_name_nobody_whom_we_know_are_listed(warehouse: duckdb.DuckDBPyConnection) -> None:
    told = warehouse.execute(
        "select anomaly, occurred_at from marts.mart_lifecycle_anomaly where person_id is null order by 2"
    ).fetchall()
    assert told == [
        ("status_of_unknown_object", datetime(2026, 3, 5, 9)),
        ("order_without_contact", datetime(2026, 3, 6, 9)),
        ("opportunity_without_contact", datetime(2026, 3, 7, 9)),
    ]
