"""Night after night on one warehouse against one rebuild from the same raw rows: equal, row for row.

Many small worlds lie side by side in one company, told apart by their values, so that one dbt run a night serves all. A few of them
are written out, because chance would not find them; the others draw from a handful of names, addresses, numbers and devices each, so
that everything meets: identifiers cross their limits and come back, contacts are merged and merged elsewhere, devices turn out to be
shared, files are found late, records are corrected, stewards decide and change their mind.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.property.identity.nights import Company, Decision, day, differing_rows, record_id, rows_of

WORLDS = 70
NIGHTS = 7
JUDGED = (4, 6, 7)
LOOK_BACK_NIGHT = 3
SEED = 20

COMPARED = {
    "person of each record": "select record_id, person_id from intermediate.int_identity__record_persons",
    "bridge of records": "select * from marts.bridge_person_record",
    "guards": "select * from intermediate.int_identity__identifier_guards",
    "identifiers": "select * from intermediate.int_identity__identifiers",
    "clusters": "select record_id, birth_order, cluster_id from intermediate.int_identity__cluster_records",
    "person of each touch": "select * from intermediate.int_identity__interaction_persons",
    "profile history": "select * from intermediate.int_identity__profile_history",
    "open redirects": "select retired_person_id, person_id from marts.bridge_person_redirect where valid_to is null",
}
"""What a reader of the warehouse builds on; all of it must be the same whichever way it came about."""

NAMES = (
    "Anna Maria Berger",
    "A. Berger",
    "Berger, Anna Maria",
    "Jonathan Smithson",
    "Jane Smithson",
    "J. Smithson",
    "Jonathan Smithsom",
    "王小明",
    "Wang Xiaoming",
)


@dataclass
class World:
    """One small world: its values, and what has been recorded in it so far."""

    slug: str
    dice: random.Random
    count: int = 0
    leads: int = 0

    def value(self, kind: str) -> str:
        """Return one of the few values of a kind that this world has."""
        slug, many = self.slug, {"email": 4, "phone": 3, "anonymous_id": 3, "external_id": 3}[kind]
        # one of each kind is everybody's favourite, so that some cross their limits
        number = 0 if self.dice.random() < 0.4 else self.dice.randrange(many)
        return {
            "email": f"{'abcd'[number]}@{slug}.de",
            "phone": f"+49151{int(slug[1:]):04d}{7310 + 17 * number}",
            "anonymous_id": f"device {slug} {number}",
            "external_id": f"account {slug} {number}",
        }[kind]

    def shown(self, *kinds: str, often: float = 0.5) -> dict[str, Any]:
        """Return some of the values, as one row shows them."""
        return {kind: self.value(kind) for kind in kinds if self.dice.random() < often}

    def name(self) -> dict[str, Any]:
        """Return a name, or none."""
        if self.dice.random() < 0.25:
            return {}
        return {"full_name": self.dice.choice(NAMES)}

    def contact(self) -> str:
        """Return the id of one of the world's contacts."""
        return f"C{self.slug}{self.dice.randrange(4)}"

    def profile(self) -> dict[str, Any]:
        """Return attributes that move over time."""
        return {
            "company": f"Works {self.dice.randrange(3)}",
            "job_title": self.dice.choice(["CTO", "Buyer", "Head of IT"]),
        }


def tell_night(company: Company, world: World, night: int) -> None:
    """Let a random few things happen in a world."""
    dice = world.dice
    kinds = ["form", "form", "touch", "touch", "lead", "again", "contact", "event", "merge", "deal"]
    for _ in range(dice.choice([0, 1, 2, 3, 5]) if night > 1 else 4):
        world.count += 1
        kind = dice.choice(kinds)
        at = day(night) - timedelta(hours=dice.randint(2, 23), days=dice.choice([0, 0, 0, 1, 5]))
        # now and then a file that lay in an older folder
        arrived_at = day(night - dice.choice([1, 2])) - timedelta(hours=3) if dice.random() < 0.08 else None
        if kind in {"form", "touch", "event"}:
            somebody_shows_up(company, world, kind, at, arrived_at)
        elif kind in {"lead", "again", "contact"}:
            the_crm_writes(company, world, kind, at, arrived_at)
        elif kind == "merge":
            loser, winner = dice.sample(range(4), 2)
            company.merge(f"C{world.slug}{loser}", f"C{world.slug}{winner}", at=at)
        else:
            company.land("crm.opportunities", f"O{world.slug}-{world.count}", at=at, contact_id=world.contact())


def somebody_shows_up(company: Company, world: World, kind: str, at: datetime, arrived_at: datetime | None) -> None:
    """Let somebody fill in a form, visit a page, or register and mostly come."""
    key = f"{world.slug}-{world.count}"
    if kind == "form":
        shown = world.shown("email", "phone", "anonymous_id", "external_id") | world.name() | world.profile()
        company.land("forms.submissions", key, at=at, arrived_at=arrived_at, **shown)
    elif kind == "touch":
        shown = world.shown("anonymous_id", often=0.9) | world.shown("email", "external_id", often=0.2)
        company.land("engagement.interactions", key, at=at, arrived_at=arrived_at, **shown)
    else:
        shown = world.shown("email", "phone") | world.name()
        company.land("events.registrations", key, at=at, event_id="fair", arrived_at=arrived_at, **shown)
        if world.dice.random() < 0.7:
            shown = world.shown("email", often=0.3) | world.name() | {"event_id": "fair", "registration_id": key}
            company.land("events.attendance", f"fair|{key}", at=at, **shown)


def the_crm_writes(company: Company, world: World, kind: str, at: datetime, arrived_at: datetime | None) -> None:
    """Let the CRM write a new lead, another version of one, or a contact, new or not."""
    dice, shown = world.dice, world.shown("email", "phone") | world.name() | {"created_at": day(0)}
    if kind == "contact":
        company.land("crm.contacts", world.contact(), at=at, arrived_at=arrived_at, **shown, **world.profile())
        return
    if kind == "lead":
        world.leads += 1
        shown |= world.profile() | ({"converted_contact_id": world.contact()} if dice.random() < 0.4 else {})
    number = world.leads if kind == "lead" else dice.randint(1, world.leads + 1)
    shown["is_deleted"] = dice.random() < 0.05
    company.land("crm.leads", f"L{world.slug}{number}", at=at, arrived_at=arrived_at, **shown)


# --- worlds that chance would not find --------------------------------------------------------------------------------------------


def form(company: Company, key: str, night: float, **values: Any) -> str:
    """Land a form that was sent on the eve of a night."""
    return company.land("forms.submissions", key, at=day(night) - timedelta(hours=5), **values)


def contact(company: Company, key: str, night: float, **values: Any) -> str:
    """Land a contact as it was changed on the eve of a night."""
    return company.land("crm.contacts", key, at=day(night) - timedelta(hours=6), created_at=day(0), **values)


def touch(company: Company, key: str, night: float, **values: Any) -> str:
    """Land a touch of the eve of a night."""
    return company.land("engagement.interactions", key, at=day(night) - timedelta(hours=4), **values)


def tell_hot_address(company: Company, night: int) -> None:
    """An address shows a fourth name on night 4 and links nobody any more; phones hold some of its people together."""
    names = [
        "Clara Petersen",
        "Dmitri Volkov",
        "Esther Goldberg",
        "Francois Dubois",
        "Greta Lindqvist",
        "Hans Zimmermann",
    ]
    if night <= len(names):
        form(
            company,
            f"hot {night}",
            night,
            email="team@hot.de",
            full_name=names[night - 1],
            phone=f"+491717770{night // 2:03d}1",
        )


def tell_reopened_guard(company: Company, night: int) -> None:
    """Three contacts close an address; a merge in the CRM opens it, another contact closes it, a merge of merges opens it again."""
    if night <= 3:
        contact(company, f"reopen {night}", night, email="chief@reopen.de", full_name="Ingrid Sorensen")
    form(company, f"reopen form {night}", night, email="chief@reopen.de")
    if night == 4:
        company.merge("reopen 3", "reopen 2", at=day(4) - timedelta(hours=1))
    if night == 6:
        contact(company, "reopen 4", night, email="chief@reopen.de", full_name="Ingrid Sorensen")
    if night == 7:
        company.merge("reopen 4", "reopen 3", at=day(7) - timedelta(hours=1))


def tell_moved_merge(company: Company, night: int) -> None:
    """A contact is merged into one, then into another: the first has its own id back; then both are merged after all."""
    if night == 1:
        for number in (1, 2, 3):
            contact(
                company, f"moved {number}", 1, email=f"{number}@moved.de", full_name=f"Jasper Holm{'abc'[number - 1]}"
            )
        form(company, "moved form", 1, email="1@moved.de")
    if night == 2:
        company.merge("moved 1", "moved 2", at=day(2) - timedelta(hours=1))
    if night == 4:
        company.merge("moved 1", "moved 3", at=day(4) - timedelta(hours=1))
    if night == 6:
        company.merge("moved 2", "moved 3", at=day(6) - timedelta(hours=1))
        # the news of a merge that lost long ago arrives only now
        company.merge("moved 1", "moved 2", at=day(1))


def tell_bridge(company: Company, night: int) -> None:
    """Three old persons hang together by one form each, the youngest link first; a correction takes none of it back."""
    if night <= 3:
        form(company, f"bridge {night}", night, email=f"{night}@bridge.de", full_name="Karl Bridgewater")
    if night == 4:
        form(company, "bridge 3-2", 4, email="3@bridge.de", external_id="two")
        form(company, "bridge 2", 2, email="2@bridge.de", external_id="two")
    if night == 6:
        company.land(
            "crm.leads",
            "bridge lead",
            at=day(6),
            email="1@bridge.de",
            phone="+4917188800123",
            full_name="Karl Bridgewater",
        )
        form(company, "bridge 2-1", 6, email="2@bridge.de", phone="+4917188800123", full_name="Karl Bridgewater")
    if night == 7:
        company.land(
            "crm.leads",
            "bridge lead",
            at=day(7),
            created_at=day(6),
            email="other@bridge.de",
            full_name="Karl Bridgewater",
        )


def tell_shared_device(company: Company, night: int) -> None:
    """Bare touches, then one who is known, then a second, then the two turn out to be one; named forms without an address between."""
    touch(company, f"shared {night}", night, anonymous_id="shared")
    touch(company, f"shared lone {night}", night, anonymous_id="lone")
    if night == 2:
        form(company, "shared first", 2, anonymous_id="shared", email="first@shared.de", full_name="Lena Aldrich")
    if night == 3:
        form(company, "shared named", 3, anonymous_id="shared", full_name="Lena Aldrich")
        form(company, "lone named", 3, anonymous_id="lone", full_name="Moritz Abendroth")
    if night == 4:
        form(company, "shared second", 4, anonymous_id="shared", email="second@shared.de", full_name="Niklas Baumann")
        form(company, "lone other", 4, anonymous_id="lone", full_name="Otto Cranach")
    if night == 6:
        form(company, "shared third", 6, anonymous_id="shared", full_name="Niklas Baumann")
    if night == 7:
        form(company, "shared both", 7, email="first@shared.de", external_id="both")
        form(company, "shared both too", 7, email="second@shared.de", external_id="both")


def tell_kiosk(company: Company, night: int) -> None:
    """A device shows more names from night to night until it speaks for nobody."""
    for number in (2 * night, 2 * night + 1):
        name = f"{'abcdefghijklmnop'[number] * 4}ine {'qrstuvwxyzabcdef'[number] * 4}mann"
        form(
            company,
            f"kiosk {number}",
            night,
            anonymous_id="kiosk",
            full_name=name,
            **({"email": f"{number}@kiosk.de"} if number % 3 else {}),
        )
        touch(company, f"kiosk touch {number}", night, anonymous_id="kiosk")


def tell_switchboard(company: Company, night: int) -> None:
    """An initial belongs to the one bearer of a name, until a second one shares the number."""
    number = "+4917188811223"
    if night == 1:
        form(company, "board john", 1, phone=number, full_name="Jonathan Smithers", email="john@board.de")
    if night == 2:
        form(company, "board initial", 2, phone=number, full_name="J. Smithers")
        form(company, "board nobody", 2, phone=number)
    if night == 4:
        form(company, "board jane", 4, phone=number, full_name="Jacqueline Smithers", email="jane@board.de")
    if night == 6:
        form(company, "board same", 6, email="jane@board.de", full_name="Jonathan Smithers")


def tell_late_contact(company: Company, night: int) -> None:
    """A lead names a contact, a deal names it too, its own row comes days later, and older than both."""
    if night == 2:
        company.land(
            "crm.leads",
            "late lead",
            at=day(2) - timedelta(hours=2),
            converted_contact_id="late",
            email="lead@late.de",
            full_name="Paula Ernst",
        )
    if night == 3:
        company.land("crm.opportunities", "late deal", at=day(3), contact_id="late")
    if night == 6:
        company.land(
            "crm.contacts", "late", at=day(0), arrived_at=day(1), email="contact@late.de", full_name="Paula Ernst"
        )
        form(company, "late form", 6, email="contact@late.de")


def tell_named_contact(company: Company, night: int) -> None:
    """A lead names a contact that nobody has seen; the CRM merges it into one that is known, then elsewhere."""
    if night == 1:
        company.land(
            "crm.leads",
            "named lead",
            at=day(1) - timedelta(hours=2),
            converted_contact_id="named",
            email="lead@named.de",
            full_name="Sara Thoma",
        )
        company.land(
            "crm.leads", "named lead 2", at=day(1) - timedelta(hours=2), email="second@named.de", full_name="Sara Thoma"
        )
        contact(company, "named 2", 1, email="two@named.de", full_name="Sara Thoma")
        contact(company, "named 3", 1, email="three@named.de", full_name="Sara Thoma")
    if night in (2, 6):
        company.merge("named", "named 2", at=day(night) - timedelta(hours=1))
    if night in (4, 7):
        company.merge("named", "named 3", at=day(night) - timedelta(hours=1))
    if night == 5:
        company.land(
            "crm.leads",
            "named lead 2",
            at=day(5),
            created_at=day(0),
            email="second@named.de",
            converted_contact_id="named",
        )


def tell_conflict(company: Company, night: int) -> None:
    """Two contacts that the CRM keeps apart are pulled together by everything else; who has neither goes with the nearest."""
    if night == 1:
        contact(company, "apart 1", 1, email="one@apart.de", full_name="Quentin Falk")
        contact(company, "apart 2", 1, email="two@apart.de", full_name="Quentin Falk", phone="+4917188822334")
    if night == 3:
        form(company, "apart bridge", 3, email="one@apart.de", external_id="apart")
        form(
            company,
            "apart bridge too",
            3,
            email="two@apart.de",
            external_id="apart",
            phone="+4917188822334",
            full_name="Quentin Falk",
        )
    if night == 4:
        form(company, "apart more", 4, external_id="apart", phone="+4917188822334", full_name="Quentin Falk")
    if night == 6:
        company.merge("apart 2", "apart 1", at=day(6) - timedelta(hours=1))
    if night == 7:
        contact(company, "apart 3", 7, email="three@apart.de", full_name="Quentin Falk")
        company.merge("apart 2", "apart 3", at=day(7) - timedelta(hours=1))


def tell_decided(company: Company, night: int) -> None:
    """People about whom stewards decide: see `decisions`."""
    if night == 1:
        for number in (1, 2, 3, 4):
            form(
                company,
                f"decided {number}",
                1,
                email=f"{number}@decided.de",
                full_name=f"Rosa Gruen{'abcd'[number - 1]}",
            )
        form(company, "decided wrong", 1, email="3@decided.de", phone="+4917188833445", full_name="Rosa Gruenc")
        contact(company, "decided contact", 1, email="1@decided.de", full_name="Rosa Gruena")
        form(company, "decided far", 1, email="far@decided.de", external_id="far")
        form(company, "decided near", 1, email="near@decided.de", external_id="far")
    if night == 4:
        form(company, "decided late", 4, email="4@decided.de", external_id="late decided")
    if night == 6:
        form(company, "decided later", 6, email="1@decided.de", external_id="late decided")


def decisions(night: int) -> list[Decision]:
    """Return what is in force in a night: rows come, go and come back."""

    def sides(left: str, right: str = "", kind: str = "email") -> Decision:
        found = {"left_type": kind, "left_value": left}
        return found | ({"right_type": kind, "right_value": right} if right else {})

    block = {"decision": "block_identifier", **sides("3@decided.de")}
    link = {"decision": "must_link", **sides("1@decided.de", "2@decided.de")}
    record_link: Decision = {
        "decision": "must_link",
        **sides(
            record_id("forms.submissions", "decided 3"), record_id("forms.submissions", "decided 4"), kind="record"
        ),
    }
    apart: Decision = {
        "decision": "cannot_link",
        **sides(
            record_id("forms.submissions", "decided far"), record_id("forms.submissions", "decided near"), kind="record"
        ),
    }
    random_block = {"decision": "block_identifier", **sides("a@w3.de")}
    in_force = {
        block["left_value"] + "block": (block, (2, 3, 6, 7)),
        "link": (link, (2, 3, 4)),
        "record link": (record_link, (3, 4, 5, 6)),
        "apart": (apart, (3, 4, 7)),
        "random": (random_block, (3, 6)),
    }
    return [decision for decision, nights in in_force.values() if night in nights]


STORIES = (
    tell_hot_address,
    tell_reopened_guard,
    tell_moved_merge,
    tell_bridge,
    tell_shared_device,
    tell_kiosk,
    tell_switchboard,
    tell_late_contact,
    tell_named_contact,
    tell_conflict,
    tell_decided,
)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, Path, Path]]:
    """The kept warehouse as it stood after some nights, each beside a rebuild from the same raw rows."""
    dice = random.Random(SEED)
    company = Company(tmp_path_factory.mktemp("incremental") / "company")
    worlds = [World(f"w{number}", random.Random(SEED * 1000 + number)) for number in range(WORLDS)]
    found = []
    for night in range(1, NIGHTS + 1):
        for story in STORIES:
            story(company, night)
        for world in worlds:
            tell_night(company, world, night)
        company.decide(decisions(night))
        tables = list(company.waiting)
        dice.shuffle(tables)
        company.load(night, tables)
        # once somebody looks back: what landed since must come again the night after
        company.run(night - 2 if night == LOOK_BACK_NIGHT else night)
        if night in JUDGED:
            rebuilt = company.rebuild(night)
            kept = company.folder / f"night {night}.duckdb"
            kept.write_bytes(company.warehouse.read_bytes())
            found.append((night, kept, rebuilt))
    return found


@pytest.mark.parametrize("what", COMPARED)
def test_a_kept_warehouse_equals_a_rebuild(judged: list[tuple[int, Path, Path]], what: str) -> None:
    for night, kept, rebuilt in judged:
        rows = differing_rows(kept, rebuilt, COMPARED[what])
        assert not rows, f"night {night}: {len(rows)} differing rows, the first {rows[:6]}"


def test_the_worlds_are_not_tame(judged: list[tuple[int, Path, Path]]) -> None:
    _, kept, _ = judged[-1]
    large = "select person_id from marts.bridge_person_record group by person_id having count(*) > 2"
    closed = "select retired_person_id from marts.bridge_person_redirect where valid_to is not null"
    guarded = "select guard_reason from intermediate.int_identity__identifier_guards where not is_usable"
    assert rows_of(kept, large).num_rows >= WORLDS
    assert rows_of(kept, closed).num_rows >= 5
    reasons = {
        reason for _, warehouse, _ in judged for reason in rows_of(warehouse, guarded)["guard_reason"].to_pylist()
    }
    assert reasons >= {"too_many_names", "too_many_contacts", "steward_block"}
