"""The histories of docs/reference/lifecycle-cases.md, each as raw facts through load, identity, score and ledger.

Numbers in the test names are those of that page.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.settings import Settings
from tests.integration.lifecycle.stories import PLAIN_PROFILE, Company, Person

AS_OF = datetime(2026, 12, 31)
Ledger = list[tuple[str, str, int]]


def write_rejections(company: Company) -> None:
    """Cases 1 to 6: what a rejection does, and does not."""
    p = Person(company, "caseone")
    p.becomes_lead("2026-01-10 09:00:00")
    p.crm_says("2026-01-20 09:00:00", "Rejected")

    p = Person(company, "casetwo")
    p.submits("2026-01-05 10:00:00", "content_download")
    p.becomes_lead("2026-01-06 09:00:00")
    p.crm_says("2026-01-20 09:00:00", "Rejected")

    for slug, is_rejected in (("casethree", True), ("casethreecontrol", False)):
        p = Person(company, slug, profile=dict(PLAIN_PROFILE))
        p.submits("2026-01-05 10:00:00", "trial", without=("phone",))
        p.comes_to_event("2026-01-06 10:00:00")
        p.submits("2026-01-07 10:00:00", "referral", without=("phone",))
        p.becomes_lead("2026-01-08 09:00:00")
        if is_rejected:
            p.crm_says("2026-01-09 09:00:00", "Rejected")
        p.submits("2026-01-10 10:00:00", "referral")

    p = Person(company, "casefour")
    p.submits("2026-02-01 10:00:00", "contact_sales")
    p.becomes_lead("2026-02-01 11:00:00")
    p.becomes_contact("2026-02-01 12:00:00")
    p.crm_says("2026-02-05 09:00:00", "Rejected")
    p.crm_says("2026-02-06 09:00:00", "Rejected", "contact")

    p = Person(company, "casefive")
    p.submits("2026-02-01 10:00:00", "content_download")
    p.comes_to_event("2026-02-02 10:00:00")
    p.becomes_lead("2026-02-02 11:00:00")
    p.crm_says("2026-02-05 09:00:00", "Rejected")
    p.comes_to_event("2026-02-10 10:00:00")
    p.crm_says("2026-02-15 09:00:00", "Rejected")

    p = Person(company, "casesix")
    p.submits("2026-02-01 10:00:00", "trial")
    p.comes_to_event("2026-02-02 10:00:00")
    p.comes_to_event("2026-02-03 10:00:00")
    p.comes_to_event("2026-02-04 10:00:00")
    p.becomes_lead("2026-02-04 11:00:00")
    p.crm_says("2026-02-05 09:00:00", "Rejected")
    p.becomes_contact("2026-02-06 09:00:00", job_title="Director of Marketing")
    p.touches("2026-02-07 09:00:00", "email_sent")
    p.submits("2026-02-10 10:00:00", "content_download")


def write_qualification(company: Company) -> None:
    """Cases 7 to 9 and 25: how somebody becomes an MQL."""
    p = Person(company, "caseseven")
    p.becomes_lead("2026-03-01 09:00:00")
    p.crm_says("2026-03-05 09:00:00", "Accepted")

    p = Person(company, "caseeight")
    for day in (1, 2, 3):
        p.browses(f"2026-03-0{day} 09:00:00", "share")
        p.browses(f"2026-03-0{day} 10:00:00", "chat")
    p.submits("2026-03-05 10:00:00", "content_download", anonymous_id="device-caseeight")

    for slug, is_rejected in (("casenine", False), ("caseninereturned", True)):
        p = Person(company, slug)
        p.submits("2026-03-01 10:00:00", "trial", without=("company",))
        p.comes_to_event("2026-03-02 10:00:00")
        if is_rejected:
            p.becomes_lead("2026-03-02 11:00:00")
            p.crm_says("2026-03-03 09:00:00", "Rejected")
            p.comes_to_event("2026-03-04 10:00:00")
            p.crm_says("2026-03-05 09:00:00", "Rejected")
        p.becomes_contact("2026-04-01 09:00:00", company="Enriched Works GmbH")
        if is_rejected:
            p.comes_to_event("2026-04-05 10:00:00")

    p = Person(company, "casetwentyfive")
    p.submits("2026-03-01 10:00:00", "contact_sales")


def write_opportunities(company: Company) -> None:
    """Cases 10 to 15 and 26: open, lost and won."""
    p = Person(company, "caseten")
    p.submits("2026-03-01 10:00:00", "contact_sales")
    p.becomes_lead("2026-03-01 11:00:00")
    p.becomes_contact("2026-03-02 09:00:00")
    p.opportunity("one", "2026-03-03 09:00:00")
    p.crm_says("2026-03-10 09:00:00", "Rejected")

    p = Person(company, "caseeleven")
    p.submits("2026-03-01 10:00:00", "contact_sales")
    p.becomes_contact("2026-03-02 09:00:00")
    p.opportunity("one", "2026-03-03 09:00:00", "2026-03-20 09:00:00", won=False)
    p.opportunity("two", "2026-03-04 09:00:00", "2026-04-20 09:00:00", won=False)

    p = Person(company, "casetwelve")
    p.becomes_contact("2026-03-02 09:00:00")
    p.opportunity("one", "2026-03-03 09:00:00", "2026-03-20 09:00:00", won=True)
    p.opportunity("two", "2026-03-04 09:00:00", "2026-04-20 09:00:00", won=True)

    p = Person(company, "casefourteen")
    p.becomes_contact("2026-03-02 09:00:00")
    p.opportunity("one", "2026-03-03 09:00:00", "2026-03-20 09:00:00", won=True)
    p.opportunity("two", "2026-05-04 09:00:00", "2026-06-20 09:00:00", won=False, type="upsell")

    p = Person(company, "casefifteen")
    p.submits("2025-01-05 10:00:00", "content_download")
    p.becomes_contact("2025-02-02 09:00:00")
    p.opportunity("one", "2025-03-03 09:00:00", "2025-03-20 09:00:00", won=True)
    p.crm_says("2025-06-01 09:00:00", "Churned", "contact")
    p.submits("2026-06-05 10:00:00", "contact_sales")
    p.opportunity("two", "2026-06-10 09:00:00", "2026-07-10 09:00:00", won=True)

    p = Person(company, "casetwentysix")
    p.becomes_lead("2026-03-10 09:00:00", converted_contact_id=p.contact_id)
    p.opportunity("one", "2026-03-01 09:00:00", "2026-03-05 09:00:00", won=True)


def write_statuses(company: Company) -> None:
    """Cases 18 to 21 and 30: what runs beside the ladder."""
    p = Person(company, "caseeighteen")
    p.submits("2026-03-01 10:00:00", "content_download")
    p.becomes_lead("2026-03-01 11:00:00")
    p.crm_says("2026-03-05 09:00:00", "Disqualified")
    p.submits("2026-03-10 10:00:00", "contact_sales")
    p.crm_says("2026-04-05 09:00:00", "Requalified")
    p.submits("2026-04-10 10:00:00", "contact_sales")

    p = Person(company, "casenineteen")
    p.submits("2026-03-01 10:00:00", "contact_sales")
    p.becomes_lead("2026-03-01 11:00:00")
    p.crm_says("2026-03-05 09:00:00", "Disqualified")
    p.crm_says("2026-03-05 15:00:00", "Requalified")

    p = Person(company, "casetwenty")
    p.submits("2026-01-10 10:00:00", "contact_sales")
    p.touches("2026-07-29 10:00:00", "page_view")

    p = Person(company, "casetwentyone")
    p.submits("2026-01-10 10:00:00", "contact_sales")
    p.becomes_lead("2026-01-10 11:00:00")
    p.crm_says("2026-01-15 09:00:00", "Rejected")
    p.touches("2026-03-11 10:00:00", "page_view")

    p = Person(company, "casethirty")
    p.submits("2026-03-01 10:00:00", "contact_sales")
    company.add(
        "consent.events",
        occurred_at="2026-03-05 10:00:00",
        email=p.email,
        channel="email",
        purpose="marketing",
        action="unsubscribe",
    )


def write_order(company: Company) -> None:
    """Cases 24 and 32: what comes first."""
    p = Person(company, "casetwentyfour")
    p.submits("2026-03-01 10:00:00", "contact_sales")
    p.becomes_lead("2026-03-01 11:00:00")
    p.crm_says("2026-03-05 09:00:00", "Rejected")
    p.crm_says("2026-03-05 09:00:00", "Accepted")

    p = Person(company, "casethirtytwo")
    p.submits("2026-03-05 10:00:00", "contact_sales")
    p.becomes_lead("2026-03-05")
    p.crm_says("2026-03-05", "Accepted")
    p.crm_says("2026-03-06", "Returned to SDR")
    p.crm_says("2026-03-06", "Accepted")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, build_marts: Callable[[Settings, str], None]) -> Settings:
    settings = Settings(
        home=tmp_path_factory.mktemp("cases"), sources_file=Path(__file__).parent / "stories_sources.yml"
    )
    company = Company()
    for write in (write_rejections, write_qualification, write_opportunities, write_statuses, write_order):
        write(company)
    company.write(settings.landing_dir, arrived_at=AS_OF)
    build_marts(settings, "+fct_lifecycle_transition +fct_lifecycle_status +mart_lifecycle_anomaly +fct_person_score")
    return settings


@pytest.fixture(scope="module")
def warehouse(home: Settings) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(home.warehouse_path), read_only=True)


class Reader:
    """Asks the warehouse about one story by the slug of its mailbox."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, slug: str) -> None:
        self.connection = connection
        rows = connection.execute(
            "select distinct person_id from intermediate.int_identity__record_persons where record_id in ("
            "select record_id from staging.stg_forms__submissions where email = $1"
            " union all select record_id from staging.stg_crm__leads where email = $1"
            " union all select record_id from staging.stg_crm__contacts where email = $1)",
            [f"{slug}@{slug}-works.com"],
        ).fetchall()
        assert len(rows) == 1, f"{slug} is {len(rows)} persons"
        self.person_id = rows[0][0]

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, [self.person_id]).fetchall()

    @property
    def ledger(self) -> Ledger:
        return self._rows(
            "select stage_label, direction, cycle_number from marts.fct_lifecycle_transition"
            " where person_id = $1 and track = 'acquisition' order by entered_at, cycle_number, stage_rank"
        )

    @property
    def expansion(self) -> Ledger:
        return self._rows(
            "select stage_label, direction, cycle_number from marts.fct_lifecycle_transition"
            " where person_id = $1 and track = 'expansion' order by entered_at, cycle_number, stage_rank"
        )

    def entered(self, label: str) -> datetime:
        return self._rows(
            f"select entered_at from marts.fct_lifecycle_transition where person_id = $1 and stage_label = '{label}'"
        )[0][0]

    @property
    def anomalies(self) -> list[str]:
        return [
            row[0]
            for row in self._rows("select anomaly from marts.mart_lifecycle_anomaly where person_id = $1 order by 1")
        ]

    @property
    def statuses(self) -> list[tuple[Any, ...]]:
        return self._rows(
            "select status, began_at, ended_at from marts.fct_lifecycle_status where person_id = $1 order by began_at, status"
        )

    @property
    def counted_rejections(self) -> int:
        return self._rows(
            "select count(*) from marts.fct_score_event where person_id = $1 and score_kind = 'rejection'"
        )[0][0]


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


def test_case_30_an_unsubscribe_changes_no_stage(story: Story) -> None:
    assert story("casethirty").ledger == [("MQL-01", "skip", 1)]


def test_case_32_dates_without_time_never_reverse_within_their_day(story: Story) -> None:
    case = story("casethirtytwo")
    labels = [label for label, _, _ in case.ledger]
    # the acceptance opens the day of the form, so the form moves nobody; on the next day the acceptance moves nobody and the
    # return follows it: no row is reversed by another of its own day
    assert labels == ["SQL-01", "MQL-01"]
