"""The nurture queue planned a second time: each person walked through each programme by plain Python, from the seeds' CSV files.

The walk reads who stands where, what was sent and what consent allows; no model of nurture is asked for anything but its result.
"""

import csv
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.rebuild import copy_tables, rebuild

SEEDS = Path(__file__).resolve().parents[3] / "seeds"


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


RANKS = {row["stage"]: int(row["stage_rank"]) for row in seed("lifecycle/stages")}
PROGRAMMES = {row["programme"]: row for row in seed("nurture/programmes")}
STEPS = seed("nurture/programme_steps")
PERSONAS = sorted(seed("nurture/personas"), key=lambda row: int(row["priority"]))
CAPS = seed("nurture/fatigue_caps")
SENT = {row["interaction_type"]: row["channel"] for row in seed("nurture/sent_types")}
OUT = {(row["programme"], row["status"]) for row in seed("nurture/programme_exclusions")}
(PURPOSE,) = (row["purpose"] for row in seed("consent/contact_purposes") if row["is_form_default"] == "true")


def days(number: str) -> timedelta:
    return timedelta(days=float(number))


def records(connection, query):
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.fixture(scope="module")
def as_of(warehouse):
    return warehouse.sql("select as_of from ops.as_of").fetchone()[0]


@pytest.fixture(scope="module")
def people(warehouse):
    return read_people(warehouse)


def read_people(warehouse):
    """What is known of each person who may be nurtured: tags, entries of the current cycle, open statuses, products, sends, consent."""
    found = {
        row["person_id"]: {
            **row, "tags": set(), "entries": [], "statuses": {}, "products": {}, "sent": [], "may": {},
        }
        for row in records(warehouse, "select * from marts.dim_person where not is_anonymous and not is_cleaned_out")
    }  # fmt: skip

    def each(query):
        return ((found[row["person_id"]], row) for row in records(warehouse, query) if row["person_id"] in found)

    for person, row in each("select * from marts.bridge_person_tag"):
        person["tags"].add(row["tag"])
    for person, row in each("select * from marts.fct_lifecycle_transition where track = 'acquisition'"):
        person["entries"].append(row)
    for person, row in each("select * from marts.fct_lifecycle_status where is_open"):
        began = person["statuses"].get(row["status"])
        person["statuses"][row["status"]] = max(began or row["began_at"], row["began_at"])
    for person, row in each("select * from marts.mart_product_interest"):
        person["products"][row["product_id"]] = row["last_touched_at"]
    for person, row in each(
        "select touches.*, raw.programme_id, raw.programme_step from marts.fct_interaction as touches "
        "left join staging.stg_engagement__interactions as raw on touches.interaction_id = raw.record_id "
        "where touches.direction = 'outbound' order by occurred_at"
    ):
        if row["interaction_type"] in SENT:
            person["sent"].append(row | {"by": SENT[row["interaction_type"]]})
    for person, row in each(f"select * from marts.mart_contactability where purpose = '{PURPOSE}'"):
        person["may"][row["channel"]] = (row["is_contactable"], row["reason"])
    return found


def enrolment(person, programme, rules, as_of):
    """Since when and by what somebody is in a programme; None for not."""
    current = [entry for entry in person["entries"] if entry["is_current"]]
    if not current or any((programme, status) in OUT for status in person["statuses"]):
        return None
    if rules["until_stage"] and current[0]["stage_rank"] >= RANKS[rules["until_stage"]]:
        return None
    wanted = rules["enrol_value"]
    if rules["enrol_on"] == "stage":
        reached = [
            entry["entered_at"]
            for entry in person["entries"]
            if entry["cycle_number"] == current[0]["cycle_number"] and entry["stage_rank"] >= RANKS[wanted]
        ]
        found = (min(reached), f"stage = {wanted}") if reached else None
    elif rules["enrol_on"] == "status":
        found = (person["statuses"][wanted], f"status = {wanted}") if wanted in person["statuses"] else None
    else:
        looked = sorted(
            (product for product in person["products"] if wanted in {"", product}),
            key=lambda product: (-person["products"][product].timestamp(), product),
        )
        found = (person["products"][looked[0]], f"product = {looked[0]}") if looked else None
    return found if found and as_of - days(rules["max_days"]) < found[0] <= as_of else None


def room_at(person, channel, moment, as_of):
    """From when a channel has room, as far as its own cap and that of all channels together go; a rest that is over holds nothing back."""
    for cap in CAPS:
        if cap["channel"] in {channel, "*"}:
            sent = [one["occurred_at"] for one in person["sent"] if cap["channel"] in {one["by"], "*"}]
            if len(sent) >= int(cap["max_touches"]):
                rested = sent[-int(cap["max_touches"])] + days(cap["window_days"])
                moment = max(moment, rested) if rested > as_of else moment
    return moment


def next_touch(person, programme, rules, as_of):
    """The row of a person and programme, or None."""
    enrolled = enrolment(person, programme, rules, as_of)
    if enrolled is None:
        return None
    persona = next(row["persona"] for row in PERSONAS if not row["tag"] or row["tag"] in person["tags"])
    plan = sorted(
        (row for row in STEPS if row["programme"] == programme and row["persona"] in {persona, "*"}),
        key=lambda row: int(row["step"]),
    )
    sent = [
        one
        for one in person["sent"]
        if one["programme_id"] == programme and one["occurred_at"] >= as_of - days(rules["max_days"])
    ]
    done = max((int(one["programme_step"]) for one in sent), default=0)
    left = [row for row in plan if int(row["step"]) > done]
    if not left:
        return None
    step = left[0]
    planned = enrolled[0] + days(step["day"])
    past = [int(row["day"]) for row in plan if int(row["step"]) <= done]
    if sent and past:
        planned = max(planned, sent[-1]["occurred_at"] + timedelta(days=int(step["day"]) - max(past)))
    offers, refused = [], []
    for place, channel in enumerate(step["channels"].split("|")):
        may, reason = person["may"].get(channel, (False, "no_address"))
        if may:
            offers.append((room_at(person, channel, planned, as_of), place, channel))
        else:
            refused.append(f"{channel}: {reason}")
    due, _, channel = min(offers, default=(None, None, None))
    state = (
        "blocked" if due is None else "due" if due <= as_of else "resting" if due > planned else "planned"
    )  # fmt: skip
    return {
        "persona": persona,
        "enrolled_at": enrolled[0],
        "enrolled_by": enrolled[1],
        "sent_count": len(sent),
        "step": int(step["step"]),
        "label_en": step["label_en"],
        "planned_at": planned,
        "channel": channel,
        "due_at": due,
        "state": state,
        "refusal": ", ".join(refused) or None,
    }


def compare_with_walk(warehouse, people, as_of):
    """Hold the queue against the walk, person by person; return its rows."""
    expected = {
        (one, programme): touch
        for one, person in people.items()
        for programme, rules in PROGRAMMES.items()
        if (touch := next_touch(person, programme, rules, as_of))
    }
    found = {
        (row["person_id"], row["programme"]): row
        for row in records(warehouse, "select * from marts.mart_nurture_queue")
    }
    assert found.keys() == expected.keys()
    for key, touch in expected.items():
        assert {name: found[key][name] for name in touch} == touch, key
    return list(found.values())


def test_every_next_touch_is_that_of_a_walk_through_the_programmes(warehouse, people, as_of):
    found = compare_with_walk(warehouse, people, as_of)
    # the walk has met each kind of answer, else it has shown nothing
    assert {row["programme"] for row in found} == PROGRAMMES.keys()
    assert {"due", "blocked", "planned"} <= {row["state"] for row in found}
    assert any(row["sent_count"] for row in found)


def test_whoever_had_enough_of_a_channel_or_of_all_rests_until_the_window_has_passed(warehouse_home, warehouse, as_of):
    """Messages of the last days, added to those who are due: three mails, five of any kind, or two, which is one too few."""
    due = [
        row["person_id"]
        for row in records(
            warehouse,
            "select distinct person_id from marts.mart_nurture_queue where state = 'due' and channel = 'email' order by person_id",
        )
    ]
    doses = [
        ("email_sent", "email_sent", "email_sent"),
        ("wechat_sent", "push_sent", "email_sent", "email_sent", "wechat_sent"),
        ("email_sent", "email_sent"),
    ]
    sent = [
        (f"added {number} {place}", person, kind, as_of - timedelta(days=1 + place, hours=number % 24))
        for number, person in enumerate(due)
        for place, kind in enumerate(doses[number % len(doses)])
    ]

    def change(own):
        own.executemany(
            "insert into warehouse.marts.fct_interaction by name "
            "select ? as interaction_id, ? as person_id, ? as interaction_type, ? as occurred_at, 'outbound' as direction",
            sent,
        )
        tables = ("bridge_person_tag", "fct_lifecycle_transition", "fct_lifecycle_status", "mart_product_interest")
        copy_tables(own, warehouse, (f"marts.{table}" for table in tables))

    models = ["int_nurture__sends", "int_nurture__rests", "int_nurture__next_steps", "mart_nurture_queue"]
    with rebuild(warehouse_home, warehouse, models, change) as own:
        found = compare_with_walk(own, read_people(own), as_of)
    states = defaultdict(Counter)
    place = {person: number % len(doses) for number, person in enumerate(due)}
    for row in found:
        if row["person_id"] in place:
            states[place[row["person_id"]]][row["state"]] += 1
    assert states[0]["resting"] > 0
    assert states[1]["resting"] > 0
    assert states[2]["due"] > 0
    assert all(row["due_at"] > as_of for row in found if row["state"] == "resting")


def test_everybody_gets_one_touch_next_and_it_is_the_soonest(warehouse, as_of):
    touches = defaultdict(list)
    for row in records(warehouse, "select * from marts.mart_nurture_queue where state <> 'blocked'"):
        order = (max(row["due_at"], as_of), int(PROGRAMMES[row["programme"]]["priority"]))
        touches[row["person_id"]].append((order, row["is_next_touch"]))
    assert len(touches) > 50
    for person, offered in touches.items():
        assert [is_next for _, is_next in sorted(offered)] == [True] + [False] * (len(offered) - 1), person


def test_nobody_is_written_to_whom_one_may_not_write_to(warehouse):
    (wrong,) = warehouse.sql(
        f"""
        select count(*) from marts.mart_nurture_queue as queue
        left join marts.mart_contactability as consent
            on queue.person_id = consent.person_id and queue.channel = consent.channel and consent.purpose = '{PURPOSE}'
        where queue.channel is not null and not coalesce(consent.is_contactable, false)
        """
    ).fetchone()
    assert wrong == 0


def test_the_welcome_has_thirty_touches_in_thirteen_weeks_for_each_persona():
    touches = Counter(row["persona"] for row in STEPS if row["programme"] == "welcome")
    assert touches == dict.fromkeys([row["persona"] for row in PERSONAS], 30)
    assert max(int(row["day"]) for row in STEPS if row["programme"] == "welcome") <= 13 * 7
