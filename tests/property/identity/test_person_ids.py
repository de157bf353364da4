"""Ids of persons over time: a pure function of what has landed, in whatever order the rows lie.

One random world is told three times: up to its fourth load, up to its last, and up to its last with every row in another place.
Nobody in it shares an identifier with anybody else, and no named form has a device alone to speak for it (such a form leaves again
when the device turns out to be shared), so that links only ever come.
"""

import hashlib
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.ingest.warehouse import prepare
from orchestration.settings import Settings
from orchestration.sql import qualified, quote_identifier
from orchestration.transform.runner import run_dbt
from tests.integration.lifecycle.conftest import finish

PEOPLE = 250
LOADS = 8
EARLY = 4
FIRST_DAY = datetime(2025, 1, 1)

Values = dict[str, object]
Ids = dict[str, str]


@dataclass
class World:
    """Raw rows by table, in the order in which they were made."""

    rows: dict[str, list[Values]] = field(default_factory=dict)

    def add(self, source: str, table: str, key: str, load: int, **values: object) -> None:
        """Add one record; its load also says when it arrived."""
        record_id = hashlib.md5(f"one|{source}.{table}|{key}".encode(), usedforsecurity=False).hexdigest()
        lineage: Values = {"_record_id": record_id, "_record_key": key, "_source_system": "one", "_load_sequence": load}
        lineage |= {"_load_id": f"load {load}", "_arrived_at": arrival(load), "_source_row": 1}
        self.rows.setdefault(f"{source}__{table}", []).append(values | lineage)


@dataclass(frozen=True)
class Told:
    """What dbt made of a world: the person of each record, when each record arrived, and the redirects."""

    person_of: Ids
    births: dict[str, tuple[int, str, str, str]]
    redirects: dict[str, tuple[str, datetime, str]]


def arrival(load: int) -> datetime:
    """Return the night in which a load arrives."""
    return FIRST_DAY + timedelta(days=load)


def random_world(seed: int) -> World:
    """Return records of persons who show, each time, some of what is theirs; some touches show the device alone."""
    dice = random.Random(seed)
    world = World()
    for person in range(PEOPLE):
        name = f"{chr(97 + person % 26) * 5}{person} family{person}".replace("0", "o").translate(
            str.maketrans("123456789", "qwertzuip")
        )
        own: dict[str, str] = {
            "email": f"person{person}@company{person}.de",
            "phone": f"+4915{person:03d}28{person:04d}",
            "anonymous_id": f"device {person}",
        }
        other = own | {"email": f"person{person}@gmail.com", "external_id": f"account {person}"}
        for number in range(dice.randint(1, 7)):
            load, key = dice.randint(1, LOADS), f"{person}-{number}"
            shown = {kind: value for kind, value in dice.choice([own, other]).items() if dice.random() < 0.5}
            kind = dice.choice(["form", "lead", "touch", "touch"])
            at = arrival(load) - timedelta(hours=dice.randint(1, 23))
            if kind == "form":
                if shown.keys() == {"anonymous_id"}:
                    shown["phone"] = own["phone"]
                world.add(
                    "forms", "submissions", key, load, submission_id=key, submitted_at=at, full_name=name, **shown
                )
            elif kind == "lead":
                lead = {"lead_id": key, "created_at": at, "updated_at": at, "full_name": name}
                world.add("crm", "leads", key, load, **lead, **shown)
            else:
                shown.pop("phone", None)
                world.add(
                    "engagement",
                    "interactions",
                    key,
                    load,
                    interaction_id=key,
                    occurred_at=at,
                    type="page_view",
                    **shown,
                )
        if dice.random() < 0.3:
            load = dice.randint(1, LOADS)
            for side in ("kept", "merged"):
                contact = {
                    "contact_id": f"{person} {side}",
                    "created_at": arrival(1),
                    "updated_at": arrival(1),
                    "full_name": name,
                }
                found = {"email": own["email"]} if side == "kept" else {}
                world.add("crm", "contacts", f"{person} {side}", dice.randint(1, LOADS), **contact, **found)
            merge: Values = {"object_type": "contact", "loser_id": f"{person} merged", "winner_id": f"{person} kept"}
            world.add("crm", "merges", f"contact|{person} merged|{person} kept", load, merged_at=arrival(load), **merge)
    return world


def tell(world: World, home: Path, last_load: int, shuffle: int | None = None) -> Told:
    """Build the identity models on what had arrived by ``last_load``."""
    settings = Settings(home=home, sources_file=home / "sources.yml")
    home.mkdir(parents=True)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        prepare(connection)
        connection.execute("insert into ops.as_of values (?)", [arrival(last_load)])
        for table, rows in world.rows.items():
            ordered = list(rows)
            if shuffle is not None:
                random.Random(shuffle).shuffle(ordered)
            for row in ordered:
                columns = ", ".join(quote_identifier(name) for name in row)
                marks = ", ".join("?" for _ in row)
                connection.execute(
                    f"insert into {qualified('raw', table)} ({columns}) values ({marks})", list(row.values())
                )
    models = ["--select", "+int_identity__redirects", "--exclude-resource-type", "test", "unit_test"]
    outcome = finish(run_dbt(settings, ["build", *models]))
    assert outcome.success, outcome.failures
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        records = connection.execute(
            "select record_id, person_id, load_sequence, source_table, source_system, record_key from intermediate.int_identity__record_persons"
        ).fetchall()
        redirects = connection.execute(
            "select retired_person_id, person_id, merged_at, because from intermediate.int_identity__redirects"
        ).fetchall()
    return Told(
        person_of={row[0]: row[1] for row in records},
        births={row[0]: row[2:] for row in records},
        redirects={row[0]: (row[1], row[2], row[3]) for row in redirects},
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Told, Told, Told]:
    """The world at its fourth load, at its last, and at its last with its rows in another order."""
    world = random_world(seed=5)
    folder = tmp_path_factory.mktemp("person ids")
    early = tell(world, folder / "early", EARLY)
    late = tell(world, folder / "late", LOADS)
    return early, late, tell(world, folder / "shuffled", LOADS, shuffle=1)


def test_the_order_of_rows_changes_no_id_and_no_redirect(told: tuple[Told, Told, Told]) -> None:
    _, late, shuffled = told
    assert shuffled == late


def test_the_id_of_a_person_is_that_of_its_earliest_loaded_record(told: tuple[Told, Told, Told]) -> None:
    for moment in told:
        earliest: dict[str, str] = {}
        for record, person in moment.person_of.items():
            earliest[person] = min(record, earliest.get(person, record), key=moment.births.__getitem__)
        assert earliest == {person: person for person in earliest}


def test_a_later_record_never_takes_an_id_over(told: tuple[Told, Told, Told]) -> None:
    early, late, _ = told
    assert all(
        late.births[late.person_of[record]] <= early.births[person] for record, person in early.person_of.items()
    )


def test_every_id_that_was_ever_given_is_a_person_or_leads_to_one(told: tuple[Told, Told, Told]) -> None:
    early, late, _ = told
    for given in set(early.person_of.values()):
        target = given if given in set(late.person_of.values()) else late.redirects[given][0]
        assert late.person_of[given] == target


def test_an_id_that_is_still_a_person_is_not_dated_as_retired_before(told: tuple[Told, Told, Told]) -> None:
    early, late, _ = told
    still_persons = set(early.person_of.values()) & late.redirects.keys()
    assert all(late.redirects[given][1] > arrival(EARLY) for given in still_persons)
    assert len(still_persons) > PEOPLE // 10, "the world is too tame to test anything"


def test_a_redirect_once_given_stays(told: tuple[Told, Told, Told]) -> None:
    early, late, _ = told
    assert early.redirects.keys() <= late.redirects.keys()


def test_no_person_is_retired_and_every_redirect_has_its_reason(told: tuple[Told, Told, Told]) -> None:
    for moment in told:
        assert not moment.redirects.keys() & set(moment.person_of.values())
        assert all(when and because for _, when, because in moment.redirects.values())
