"""The histories of docs/reference/lifecycle-cases.md as raw facts, and a reader that asks the warehouse what became of them.

What belongs here: who did what, when. What it must come out as is said in the tests, whose names carry the numbers of that page.
"""

from datetime import datetime
from typing import Any

import duckdb

from tests.integration.lifecycle.stories import PLAIN_PROFILE, Company, Person

FIRST_NIGHT = datetime(2026, 12, 31)
SECOND_NIGHT = datetime(2027, 1, 7)
THIRD_NIGHT = datetime(2027, 1, 14)
MARTS = (
    "+fct_lifecycle_transition +fct_lifecycle_status +mart_lifecycle_anomaly +fct_person_score +fct_account_stage"
    " +fct_lifecycle_revision +mart_contactability +int_identity__night_state"
)
Ledger = list[tuple[str, str, int]]


def first_night() -> Company:
    """Return everything that has landed by the first night."""
    company = Company()
    for write in (
        write_rejections,
        write_qualification,
        write_opportunities,
        write_statuses,
        write_order,
        write_employers,
        write_beginnings,
        write_hand_raises,
        write_unusable,
        write_profiles,
        write_first_night,
    ):
        write(company)
    return company


def second_night() -> Company:
    """Return what lands a week later."""
    company = Company()
    write_late(company)
    return company


def third_night() -> Company:
    """Return what lands another week later, when a steward has parted two persons: news of somebody else."""
    company = Company()
    Person(company, "afterwards").crm_says("2027-01-12 09:00:00", "Rejected")
    return company


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

    p = Person(company, "casethirteen")
    p.becomes_contact("2026-03-02 09:00:00")
    p.opportunity("one", "2026-03-03 09:00:00", "2026-03-20 09:00:00", won=True)
    p.opportunity("two", "2026-05-04 09:00:00", "2026-06-20 09:00:00", won=True)
    p.opportunity("flag", "2026-05-10 09:00:00", "2026-05-20 09:00:00", won=False, type="upsell")

    p = Person(company, "casetwentyeight")
    p.becomes_contact("2026-03-02 09:00:00")
    p.opportunity("one", "2026-03-03 09:00:00", "2026-05-10 09:00:00", won=True)
    p.deal_moves("2026-03-03 09:00:00", "one", "Qualification")
    p.deal_moves("2026-03-20 09:00:00", "one", "Closed Lost")
    p.deal_moves("2026-04-10 09:00:00", "one", "Negotiation")
    p.deal_moves("2026-05-10 09:00:00", "one", "Closed Won")

    p = Person(company, "casetwentyeightslip")
    p.becomes_contact("2026-03-02 09:00:00")
    p.opportunity("one", "2026-03-03 09:00:00")
    p.deal_moves("2026-03-20 09:00:00", "one", "Closed Lost", by="U-1")
    p.deal_moves("2026-03-20 15:00:00", "one", "Negotiation", by="U-1")

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

    p = Person(company, "wonwhiledisqualified")
    p.submits("2026-03-01 10:00:00", "content_download")
    p.becomes_lead("2026-03-01 11:00:00")
    p.becomes_contact("2026-03-01 12:00:00")
    p.crm_says("2026-03-05 09:00:00", "Disqualified")
    p.opportunity("one", "2026-03-10 09:00:00", "2026-03-20 09:00:00", won=True)
    p.crm_says("2026-04-05 09:00:00", "Requalified")
    p.crm_says("2026-04-10 09:00:00", "Accepted")
    p.opportunity("two", "2026-04-20 09:00:00", "2026-05-10 09:00:00", won=True)
    p.opportunity("three", "2026-06-01 09:00:00")

    p = Person(company, "recycledskips")
    p.submits("2026-03-01 10:00:00", "contact_sales")
    p.becomes_lead("2026-03-01 11:00:00")
    p.crm_says("2026-03-05 09:00:00", "Rejected")
    p.crm_says("2026-04-05 09:00:00", "Accepted")

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


def write_employers(company: Company) -> None:
    """Cases 16 and 17: accounts and the people who work there."""
    p = Person(company, "casesixteen")
    p.becomes_contact("2026-03-02 09:00:00", account_id="A-OLD")
    p.opportunity("one", "2026-03-03 09:00:00", "2026-03-20 09:00:00", won=True, account_id="A-OLD")
    p.opportunity("two", "2026-04-20 09:00:00", "2026-06-01 09:00:00", won=True, account_id="A-OLD")
    p.becomes_contact("2026-03-02 09:00:00", updated_at="2026-05-01 09:00:00", account_id="A-NEW")

    p = Person(company, "caseseventeenbuyer")
    p.becomes_contact("2026-03-02 09:00:00", account_id="A-17")
    p.opportunity("one", "2026-03-03 09:00:00", "2026-03-20 09:00:00", won=True, account_id="A-17")
    p = Person(company, "caseseventeen")
    p.becomes_contact("2026-04-02 09:00:00", account_id="A-17")
    p.submits("2026-04-05 10:00:00", "contact_sales")


def write_beginnings(company: Company) -> None:
    """Statuses that somebody is born with, and purchases without a deal."""
    p = Person(company, "bornaccepted")
    p.becomes_lead("2026-03-01 09:00:00", status="Accepted")

    p = Person(company, "bornmql")
    p.becomes_lead("2026-03-01 09:00:00", status="Accepted", updated_at="2026-03-09 09:00:00")
    p.crm_says("2026-03-09 09:00:00", "Accepted", old_value="MQL")

    p = Person(company, "renewal")
    p.becomes_contact("2025-03-02 09:00:00")
    p.opportunity("one", "2025-03-03 09:00:00", "2025-03-20 09:00:00", won=True)
    p.orders("2026-03-20 09:00:00", "renewal")

    p = Person(company, "churnwhileopen")
    p.becomes_contact("2026-03-02 09:00:00")
    p.opportunity("one", "2026-03-03 09:00:00", "2026-03-20 09:00:00", won=True)
    p.opportunity("two", "2026-04-20 09:00:00")
    p.crm_says("2026-05-01 09:00:00", "Churned", "contact")


def write_hand_raises(company: Company) -> None:
    """Customers who ask for sales again, and what the SDR makes of it."""
    for slug, answers in (
        ("handraise", ("Accepted", "Rejected")),
        ("handraiserejected", ("Rejected", "Rejected")),
        ("handraisereturned", ("Returned to SDR",)),
        ("rejectedcustomer", ()),
    ):
        p = Person(company, slug)
        p.becomes_contact("2026-03-02 09:00:00")
        p.opportunity("one", "2026-03-03 09:00:00", "2026-03-20 09:00:00", won=True)
        if not answers:
            p.crm_says("2026-05-05 09:00:00", "Rejected", "contact")
            continue
        p.submits("2026-05-01 10:00:00", "contact_sales")
        for day, answer in enumerate(answers, start=5):
            p.crm_says(f"2026-05-0{day} 09:00:00", answer, "contact")
        p.submits("2026-06-01 10:00:00", "contact_sales")


def write_unusable(company: Company) -> None:
    """Facts that move nobody: words that no map knows, and facts that name nobody whom we know."""
    p = Person(company, "nobodytoreturn")
    p.becomes_lead("2026-03-01 09:00:00")
    p.crm_says("2026-03-05 09:00:00", "Returned to SDR")

    p = Person(company, "unknownwords")
    p.becomes_lead("2026-03-01 09:00:00")
    p.crm_says("2026-03-05 09:00:00", "Nurturing")
    p.is_called("2026-03-06 09:00:00", "call back in May")

    ghost = Person(company, "ghost")
    ghost.crm_says("2026-03-05 09:00:00", "Accepted")
    ghost.orders("2026-03-06 09:00:00", "new", contact_id=None)
    ghost.opportunity("one", "2026-03-07 09:00:00", contact_id=None)


def write_profiles(company: Company) -> None:
    """Case 22: a title that changes, and one that was wrong from the start (see `write_late`)."""
    for slug in ("casetwentytwo", "casetwentytwocorrected"):
        p = Person(company, slug)
        p.submits("2026-02-01 10:00:00", "content_download")
        p.comes_to_event("2026-02-02 10:00:00")
    p = Person(company, "casetwentytwo")
    p.becomes_contact("2026-03-01 09:00:00", job_title="Student")


def write_first_night(company: Company) -> None:
    """What is known of the persons about whom the next night learns something late."""
    p = Person(company, "latestatus")
    p.submits("2026-05-01 10:00:00", "contact_sales")
    p.becomes_lead("2026-05-01 11:00:00")

    p = Person(company, "deletedactivity")
    p.becomes_lead("2026-05-01 11:00:00")
    p.is_called("2026-05-05 09:00:00", "qualified")

    p = Person(company, "deletedlead")
    p.submits("2026-05-01 10:00:00", "newsletter")
    p.becomes_lead("2026-05-01 11:00:00")
    p.crm_says("2026-05-05 09:00:00", "Accepted")

    p = Person(company, "closedate")
    p.becomes_contact("2026-05-01 11:00:00")
    p.opportunity("one", "2026-05-02 09:00:00", "2026-05-20 09:00:00", won=True)

    p = Person(company, "casetwentyseven")
    p.submits("2026-05-01 10:00:00", "contact_sales")
    p.becomes_lead("2026-05-01 11:00:00")
    p.crm_says("2026-05-05 09:00:00", "Rejected")
    p = Person(company, "casetwentysevenother")
    p.submits("2026-05-20 10:00:00", "contact_sales")
    p.becomes_lead("2026-05-20 11:00:00")

    p = Person(company, "afterwards")
    p.submits("2026-05-01 10:00:00", "contact_sales")
    p.becomes_lead("2026-05-01 11:00:00")


def write_late(company: Company) -> None:
    """What arrives a week after the first night: late, corrected and deleted facts, and plain news."""
    Person(company, "latestatus").crm_says("2026-05-10 09:00:00", "Accepted")
    Person(company, "deletedactivity").is_called("2026-05-05 09:00:00", "qualified", is_deleted=True)
    Person(company, "deletedlead").becomes_lead(
        "2026-05-01 11:00:00", updated_at="2027-01-03 09:00:00", is_deleted="true"
    )
    Person(company, "closedate").opportunity(
        "one", "2026-05-02 09:00:00", "2026-05-10 09:00:00", won=True, updated_at="2027-01-03 09:00:00"
    )
    # the same submission again, its title corrected
    corrected = Person(company, "casetwentytwocorrected")
    corrected.profile["job_title"] = "Student"
    corrected.submits("2026-02-01 10:00:00", "content_download")
    company.add(
        "crm.merges",
        object_type="lead",
        loser_id="L-casetwentysevenother",
        winner_id="L-casetwentyseven",
        merged_at="2027-01-04 09:00:00",
    )
    Person(company, "afterwards").crm_says("2027-01-05 09:00:00", "Accepted")


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

    def accounts(self) -> list[str]:
        """Return the account of each acquisition row, by time."""
        return [
            row[0]
            for row in self._rows(
                "select account_id from marts.fct_lifecycle_transition"
                " where person_id = $1 and track = 'acquisition' order by entered_at, cycle_number, stage_rank"
            )
        ]

    @property
    def outcomes(self) -> list[str | None]:
        """Return the outcome of each expansion row, by time."""
        return [
            row[0]
            for row in self._rows(
                "select outcome from marts.fct_lifecycle_transition"
                " where person_id = $1 and track = 'expansion' order by entered_at, cycle_number, stage_rank"
            )
        ]

    @property
    def revisions(self) -> list[tuple[Any, ...]]:
        return self._rows(
            "select stage_label, change_kind, cause_kind, cause_table from marts.fct_lifecycle_revision"
            " where person_id = $1 order by 1, 2"
        )

    @property
    def counted_rejections(self) -> int:
        return self._rows(
            "select count(*) from marts.fct_score_event where person_id = $1 and score_kind = 'rejection'"
        )[0][0]
