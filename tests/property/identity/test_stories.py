"""Merges that were wrong, undone, and made again: who has which id after each night, and what the redirects say.

All stories happen in one company over five nights, so that each night costs one dbt run. What a night came out as is kept; the tests
read it like a diary.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import duckdb
import pytest

from orchestration.operate.dossier import Dossier, gather
from orchestration.operate.explain import explain
from orchestration.publish.build import MARTS_FILE, PEOPLE_FILE
from orchestration.publish.versions import MANIFEST_FILE, new_version
from orchestration.sql import quote_literal
from orchestration.transform.failures import describe_failures
from orchestration.transform.runner import run_dbt
from tests.integration.lifecycle.conftest import finish
from tests.property.identity.nights import IDENTITY, Company, Decision, day, record_id

BEFORE, MERGED, UNDONE, AGAIN, LAST = 1, 2, 3, 4, 5
LEAD = timedelta(hours=5)
EXPLAINED = (
    "bridge_person_record",
    "bridge_person_identifier",
    "bridge_person_redirect",
    "mart_identity_edge",
    "mart_identity_guarded",
    "mart_identity_decision",
)
OFFICE, OFFICE_CONTACTS = "anna@office.de", 300


@dataclass
class Diary:
    """What the marts said after each night."""

    persons: dict[int, dict[str, str]] = field(default_factory=dict)
    redirects: dict[int, list[tuple[str, str, datetime | None, datetime | None]]] = field(default_factory=dict)
    explained: dict[int, Dossier] = field(default_factory=dict)
    screens: dict[int, str] = field(default_factory=dict)
    guarded: dict[int, list[tuple[object, ...]]] = field(default_factory=dict)
    link_counts: dict[int, int] = field(default_factory=dict)
    failure: str = ""

    def person(self, night: int, key: str, table: str = "forms.submissions") -> str:
        """Return the person of a record after a night."""
        return self.persons[night][record_id(table, key)]

    def published(self, up_to: int) -> set[str]:
        """Return every person id that was published up to a night."""
        return {person for night, found in self.persons.items() if night <= up_to for person in found.values()}

    def rows_of(self, night: int, retired: str) -> list[tuple[str, datetime | None, datetime | None]]:
        """Return (person, from, to) of the redirects of an id after a night."""
        return [row[1:] for row in self.redirects[night] if row[0] == retired]

    def open_redirect(self, night: int, retired: str) -> str | None:
        """Return where an id leads after a night, if it is retired."""
        found = [person for person, _, valid_to in self.rows_of(night, retired) if valid_to is None]
        assert len(found) <= 1, found
        return found[0] if found else None


def two_colleagues(company: Company, slug: str) -> None:
    """Two persons of two forms each; every form shows an address and an account, so that either of the two may be blocked."""
    for who in ("ann", "bob"):
        for number in (1, 2):
            company.land(
                "forms.submissions",
                f"{slug} {who} {number}",
                at=day(BEFORE) - LEAD,
                email=f"{who}@{slug}.de",
                external_id=f"{slug} {who}",
                full_name={"ann": "Annegret Albers", "bob": "Benedikt Bruns"}[who],
            )


def wrong_form(company: Company, slug: str) -> None:
    """Bob orders under his account and types his colleague's address."""
    company.land(
        "forms.submissions",
        f"{slug} wrong",
        at=day(MERGED) - LEAD,
        email=f"ann@{slug}.de",
        external_id=f"{slug} bob",
        full_name="Benedikt Bruns",
    )


def decision(kind: str, left: tuple[str, str], right: tuple[str, str] = ("", "")) -> Decision:
    """Return one row of the decisions."""
    sides = {"left_type": left[0], "left_value": left[1], "right_type": right[0], "right_value": right[1]}
    return {"decision": kind, **sides, "decided_at": f"{day(UNDONE) - LEAD:%Y-%m-%d %H:%M:%S}"}


def form_side(key: str) -> tuple[str, str]:
    """Return a form as a side of a decision."""
    return "record", record_id("forms.submissions", key)


UNDOING = (
    decision("block_identifier", ("email", "ann@blocked.de")),
    decision("cannot_link", form_side("records ann 1"), form_side("records bob 1")),
    decision("cannot_link", ("email", "ann@addresses.de"), ("email", "bob@addresses.de")),
    decision("cannot_link", ("crm_contact", "one|united 1"), ("crm_contact", "one|united 2")),
    decision("must_link", form_side("joined 2"), form_side("joined 1")),
)
COLLEAGUES = ("blocked", "records", "addresses")
# Two of these may hold, never all three.
CONTRADICTION = (
    decision("must_link", form_side("torn 2"), form_side("torn 1")),
    decision("must_link", form_side("torn 2"), form_side("torn 3")),
    decision("cannot_link", form_side("torn 1"), form_side("torn 3")),
)


def contact(company: Company, key: str) -> None:
    """A contact with an address of its own."""
    slug, number = key.split()
    company.land(
        "crm.contacts",
        key,
        at=day(BEFORE) - LEAD,
        email=f"{number}@{slug}.de",
        full_name=f"Charlotte Clausen{'abc'[int(number)]}",
    )


@pytest.fixture(scope="module")
def diary(tmp_path_factory: pytest.TempPathFactory) -> Diary:
    marts = [f"+{mart}" for mart in EXPLAINED if mart.startswith("mart")]
    company = Company(tmp_path_factory.mktemp("stories") / "company", [*IDENTITY, "+bridge_person_identifier", *marts])
    told = Diary()

    for slug in COLLEAGUES:
        two_colleagues(company, slug)
    for key in ("moved 0", "moved 1", "moved 2", "united 1", "united 2"):
        contact(company, key)
    company.land("forms.submissions", "late 1", at=day(BEFORE) - LEAD, email="one@late.de", full_name="Dorothea Dehn")
    company.land("forms.submissions", "late 2", at=day(BEFORE) - LEAD, email="two@late.de", full_name="Dorothea Dehn")
    for slug in ("joined 1", "joined 2"):
        company.land(
            "forms.submissions", slug, at=day(BEFORE) - LEAD, email=f"{slug[-1]}@joined.de", full_name="Ida Ihle"
        )
    company.land("crm.opportunities", "named only", at=day(BEFORE) - LEAD, contact_id="named only")
    for number, who in enumerate(("Frauke Fink", "Gerda Groß", "Henrike Haas"), start=1):
        slug = f"torn {number}"
        company.land("forms.submissions", slug, at=day(BEFORE) - LEAD, email=f"{number}@torn.de", full_name=who)
    for number in range(OFFICE_CONTACTS):
        name = f"{syllables(number)} {syllables(7 * number + 1)}".title()
        company.land("crm.contacts", f"office {number}", at=day(BEFORE) - LEAD, email=OFFICE, full_name=name)
    end_night(company, told, BEFORE)

    for slug in COLLEAGUES:
        wrong_form(company, slug)
    company.merge("moved 1", "moved 0", at=day(MERGED) - LEAD)
    company.merge("united 2", "united 1", at=day(MERGED) - LEAD)
    end_night(company, told, MERGED)

    company.decide(UNDOING)
    company.merge("moved 1", "moved 2", at=day(UNDONE) - LEAD)
    # sent, and landed in its folder, before anything else; found only now
    company.land(
        "forms.submissions",
        "late old",
        at=day(-30),
        arrived_at=day(0),
        email="one@late.de",
        external_id="late",
        full_name="Dorothea Dehn",
    )
    end_night(company, told, UNDONE)

    company.decide([])
    company.merge("moved 1", "moved 0", at=day(AGAIN) - LEAD)
    company.land(
        "forms.submissions",
        "late bridge",
        at=day(-20),
        email="two@late.de",
        external_id="late",
        full_name="Dorothea Dehn",
    )
    company.land(
        "crm.contacts", "named only", at=day(-40), arrived_at=day(0), email="named@only.de", full_name="Emil Eckert"
    )
    end_night(company, told, AGAIN)

    company.decide(UNDOING)
    end_night(company, told, LAST)

    # such a night is never published, so it stands in no diary
    company.decide((*UNDOING, *CONTRADICTION))
    company.run(LAST + 1)
    told.failure = failing_tests(company)
    return told


def syllables(number: int) -> str:
    """Return a word of letters for a number, another one for each below 8,000."""
    return "".join("bdfghklmnprstvwxyzcj"[number // 20**place % 20] + "aeio"[place] for place in range(3))


def failing_tests(company: Company) -> str:
    """Run the tests that stand between a night and its publishing, and return what the operator reads."""
    outcome = finish(run_dbt(company.settings, ["--write-json", "test", "--select", "int_identity__steward_conflicts"]))
    assert not outcome.success
    manifest = json.loads((company.settings.dbt_target_dir / "manifest.json").read_text(encoding="utf-8"))
    return describe_failures(company.settings, manifest, outcome)


def publish(company: Company, night: int) -> None:
    """Publish what identity knows, in clear; profile and ledger, which this company does not build, are stand-ins."""
    with new_version(company.settings.published_dir, f"night {night}") as folder:
        for file in (MARTS_FILE, PEOPLE_FILE):
            with duckdb.connect(str(folder / file)) as connection:
                connection.execute(f"attach {quote_literal(str(company.warehouse))} as warehouse (read_only)")
                connection.execute("create schema marts")
                for mart in EXPLAINED:
                    connection.execute(f"create table marts.{mart} as from warehouse.marts.{mart}")
                connection.execute(
                    """
                    create table marts.dim_person as
                    select distinct person_id, cast(null as varchar) as email, cast(null as varchar) as phone
                    from marts.bridge_person_record;
                    create table marts.fct_lifecycle_transition as
                    select
                        person_id, '' as track, 0 as cycle_number, '' as stage_label, '' as direction, '' as entered_at, '' as exited_at,
                        '' as signal, '' as evidence_kind, 0 as score_at_entry, '' as route, 0 as stage_rank
                    from marts.dim_person where false;
                    create table marts.fct_score_event as
                    select
                        person_id, cast(null as timestamp) as occurred_at, '' as score_kind, '' as rule_id, 0 as points,
                        0 as half_life_days, 0 as score_factor, '' as why, '' as record_id, '' as score_event_id
                    from marts.dim_person where false;
                    create table marts.fct_person_score as
                    select
                        person_id, 0 as score, 0 as fit_score, 0 as behaviour_score, 0 as score_display, '' as grade, '' as mql_blockers,
                        cast(null as timestamp) as as_of
                    from marts.dim_person;
                    """
                )
        (folder / MANIFEST_FILE).write_text(json.dumps({"as_of": f"{day(night):%Y-%m-%d}", "version": str(night)}))


def end_night(company: Company, told: Diary, night: int) -> None:
    """Load what waits, run the night, write the diary."""
    company.load(night)
    company.run(night)
    told.persons[night] = company.persons()
    told.redirects[night] = company.redirects()
    if night in {MERGED, UNDONE}:
        publish(company, night)
        told.explained[night] = gather(company.settings, record_id("forms.submissions", "blocked ann 1"))
        told.screens[night] = explain(company.settings, record_id("forms.submissions", "blocked ann 1"))
    told.guarded[night] = company.ask(
        f"""
        select record_count, contact_count, refused_link_count, guard_reason
        from marts.mart_identity_guarded where identifier_value = {quote_literal(OFFICE)}
        """
    )
    told.link_counts[night] = company.ask("select count(*) from marts.mart_identity_edge")[0][0]


@pytest.mark.parametrize("slug", COLLEAGUES)
def test_a_colleagues_address_makes_two_persons_one(diary: Diary, slug: str) -> None:
    ann, bob = (diary.person(BEFORE, f"{slug} {who} 1") for who in ("ann", "bob"))
    assert ann != bob
    assert {diary.person(MERGED, f"{slug} {who} {number}") for who in ("ann", "bob") for number in (1, 2)} == {
        min(ann, bob, key=age(slug))
    }


@pytest.mark.parametrize("slug", COLLEAGUES)
def test_one_decision_gives_both_their_old_ids_back(diary: Diary, slug: str) -> None:
    for who in ("ann", "bob"):
        for number in (1, 2):
            key = f"{slug} {who} {number}"
            assert diary.person(UNDONE, key) == diary.person(BEFORE, key)


@pytest.mark.parametrize("slug", COLLEAGUES)
def test_the_wrong_form_stays_with_one_of_the_two(diary: Diary, slug: str) -> None:
    sides = {diary.person(UNDONE, f"{slug} {who} 1") for who in ("ann", "bob")}
    assert diary.person(UNDONE, f"{slug} wrong") in sides


def test_the_form_goes_with_the_account_when_the_address_is_blocked(diary: Diary) -> None:
    assert diary.person(UNDONE, "blocked wrong") == diary.person(UNDONE, "blocked bob 1")


@pytest.mark.parametrize("slug", COLLEAGUES)
def test_a_redirect_opens_with_the_merge_closes_with_the_decision_and_opens_again_without_it(
    diary: Diary, slug: str
) -> None:
    ann, bob = (diary.person(BEFORE, f"{slug} {who} 1") for who in ("ann", "bob"))
    survivor, retired = sorted((ann, bob), key=age(slug))
    assert diary.rows_of(BEFORE, retired) == []
    assert diary.open_redirect(MERGED, retired) == survivor
    assert diary.open_redirect(UNDONE, retired) is None
    assert diary.open_redirect(AGAIN, retired) == survivor
    assert diary.open_redirect(LAST, retired) is None
    for night in (UNDONE, LAST):
        assert all(valid_from < valid_to for _, valid_from, valid_to in diary.rows_of(night, retired))
        assert diary.rows_of(night, retired), "a merge that was undone stays on record"


def test_the_survivor_never_has_a_redirect(diary: Diary) -> None:
    for slug in COLLEAGUES:
        survivor = min((diary.person(BEFORE, f"{slug} {who} 1") for who in ("ann", "bob")), key=age(slug))
        assert all(diary.open_redirect(night, survivor) is None for night in diary.persons)


def age(slug: str):
    """Return a key that sorts the two colleagues' ids by birth: one load brought both, so the record key decides."""
    order = [record_id("forms.submissions", f"{slug} {who} {number}") for who in ("ann", "bob") for number in (1, 2)]
    return order.index


def test_a_merge_of_the_crm_joins_and_a_later_one_elsewhere_parts(diary: Diary) -> None:
    own = {number: diary.person(BEFORE, f"moved {number}", "crm.contacts") for number in (0, 1, 2)}
    assert len(set(own.values())) == 3
    assert diary.person(MERGED, "moved 1", "crm.contacts") == diary.person(MERGED, "moved 0", "crm.contacts") == own[0]
    assert diary.person(MERGED, "moved 2", "crm.contacts") == own[2]
    # merged elsewhere: the first winner is alone again, the second is older news than the one that it took over
    assert diary.person(UNDONE, "moved 0", "crm.contacts") == own[0]
    assert diary.person(UNDONE, "moved 1", "crm.contacts") == diary.person(UNDONE, "moved 2", "crm.contacts") == own[1]
    assert diary.person(AGAIN, "moved 1", "crm.contacts") == own[0]
    assert diary.person(AGAIN, "moved 2", "crm.contacts") == own[2]


def test_redirects_follow_a_merge_that_moved(diary: Diary) -> None:
    own = {number: diary.person(BEFORE, f"moved {number}", "crm.contacts") for number in (0, 1, 2)}
    assert [diary.open_redirect(night, own[1]) for night in (MERGED, UNDONE, AGAIN)] == [own[0], None, own[0]]
    assert [diary.open_redirect(night, own[2]) for night in (MERGED, UNDONE, AGAIN)] == [None, own[1], None]


def test_a_steward_parts_what_the_crm_merged(diary: Diary) -> None:
    own = [diary.person(BEFORE, f"united {number}", "crm.contacts") for number in (1, 2)]
    told = {
        night: [diary.person(night, f"united {number}", "crm.contacts") for number in (1, 2)] for night in diary.persons
    }
    assert told == {BEFORE: own, MERGED: [own[0]] * 2, UNDONE: own, AGAIN: [own[0]] * 2, LAST: own}


def test_a_steward_joins_what_came_in_one_load_and_the_younger_id_leads_on(diary: Diary) -> None:
    own = [diary.person(BEFORE, f"joined {number}") for number in (1, 2)]
    told = {night: [diary.person(night, f"joined {number}") for number in (1, 2)] for night in diary.persons}
    assert told == {BEFORE: own, MERGED: own, UNDONE: [own[0]] * 2, AGAIN: own, LAST: [own[0]] * 2}
    assert [diary.open_redirect(night, own[1]) for night in told] == [None, None, own[0], None, own[0]]


def test_a_record_found_late_takes_no_id_over(diary: Diary) -> None:
    first = diary.person(BEFORE, "late 1")
    assert first == record_id("forms.submissions", "late 1")
    assert diary.person(UNDONE, "late old") == diary.person(UNDONE, "late 1") == first
    assert {diary.person(AGAIN, key) for key in ("late 1", "late 2", "late old", "late bridge")} == {first}
    assert diary.open_redirect(AGAIN, diary.person(BEFORE, "late 2")) == first


def test_a_contact_that_was_only_named_keeps_its_id_when_its_row_comes(diary: Diary) -> None:
    ids = {diary.person(night, "named only", "crm.contacts") for night in diary.persons}
    assert ids == {record_id("crm.contacts", "named only")}


def test_every_id_that_was_ever_published_resolves(diary: Diary) -> None:
    for night, persons in diary.persons.items():
        now = set(persons.values())
        for published in diary.published(up_to=night):
            # an id is the id of a record, so the bridge of records knows where it is; the redirect must say the same
            target = published if published in now else diary.open_redirect(night, published)
            assert target == persons[published], f"night {night}: {published}"


def test_who_is_a_person_has_no_open_redirect(diary: Diary) -> None:
    for night, persons in diary.persons.items():
        retired = {row[0] for row in diary.redirects[night] if row[3] is None}
        assert not retired & set(persons.values())


def test_an_open_redirect_leads_to_a_person(diary: Diary) -> None:
    for night, persons in diary.persons.items():
        assert {row[1] for row in diary.redirects[night] if row[3] is None} <= set(persons.values())


def test_a_wrong_merge_is_seen_in_explain_undone_by_one_row_and_both_have_their_old_ids(diary: Diary) -> None:
    """The whole story: who, by what, and back."""
    ann, bob = (diary.person(BEFORE, f"blocked {who} 1") for who in ("ann", "bob"))
    survivor, retired = sorted((ann, bob), key=age("blocked"))
    merged = diary.explained[MERGED]
    assert merged["person_id"] == survivor
    # the chain from one's first form to the other's goes over the address that the second one typed
    (start,) = {chain["from_record_id"] for chain in merged["chains"]}
    other = "bob" if start in {record_id("forms.submissions", f"blocked ann {number}") for number in (1, 2)} else "ann"
    (chain,) = (
        chain
        for chain in merged["chains"]
        if chain["to_record_id"] == record_id("forms.submissions", f"blocked {other} 1")
    )
    assert chain["is_connected"]
    culprits = {(step["rule"], step["value"]) for step in chain["steps"]}
    assert ("email", "ann@blocked.de") in culprits
    assert "email ann@blocked.de" in diary.screens[MERGED]
    # one row of the seed
    (row,) = (row for row in UNDOING if "blocked" in row["left_value"])
    assert (row["decision"], row["left_type"], row["left_value"]) == ("block_identifier", "email", "ann@blocked.de")
    assert [diary.person(UNDONE, f"blocked {who} 1") for who in ("ann", "bob")] == [ann, bob]
    # and it can be read afterwards: what is guarded, who decided, since when the merge is none
    undone = diary.explained[UNDONE]
    assert undone["person_id"] == ann
    assert "ann@blocked.de" in {guard["identifier_value"] for guard in undone["guarded"]}
    assert [(found["decision"], found["effect"]) for found in undone["decisions"]] == [("block_identifier", "blocked")]
    ended = [merge for merge in undone["id_history"] if merge["retired_person_id"] == retired]
    assert [merge["undone_at"] for merge in ended] == [day(UNDONE)]


def test_an_address_of_300_contacts_joins_nobody_and_is_listed(diary: Diary) -> None:
    for night in diary.persons:
        persons = {diary.person(night, f"office {number}", "crm.contacts") for number in range(OFFICE_CONTACTS)}
        assert len(persons) == OFFICE_CONTACTS
        ((records, contacts, refused, reason),) = diary.guarded[night]
        assert (records, contacts, refused) == (OFFICE_CONTACTS, OFFICE_CONTACTS, OFFICE_CONTACTS - 1)
        assert reason in {"too_many_names", "too_many_contacts"}
        # a star, not every pair of it
        assert diary.link_counts[night] < 2 * OFFICE_CONTACTS


def test_a_cannot_link_that_other_decisions_break_stops_the_night_and_names_the_path(diary: Diary) -> None:
    assert "test every_cannot_link_holds on int_identity__steward_conflicts: 1 rows" in diary.failure
    left, middle, right = (record_id("forms.submissions", key) for key in ("torn 1", "torn 2", "torn 3"))
    path = f"{left} -> must_link by steward -> {middle} -> must_link by steward -> {right}"
    assert f"cannot_link (record and record) by steward does not hold: {path}" in diary.failure
