"""Touches a second time: the delivered rows of seven sources walked through one by one, each judged by the seeds."""

import hashlib
from collections import Counter, defaultdict
from fnmatch import fnmatchcase

import pytest

from tests.integration.money.conftest import seed

TYPES = {row["interaction_type"]: row for row in seed("engagement/interaction_types")}
MAP = seed("channels/channel_map")
MEDIUM = {row["value"]: row["channel"] for row in MAP if row["field"] == "utm_medium"}
PATTERNS = {row["value"]: row["channel"] for row in MAP if row["field"] == "interaction_type"}
JOURNEY = {row["content_type"]: row["journey_stage"] for row in seed("engagement/content_journey_stages")}
_TABLES = {
    "engagement.interactions",
    "forms.submissions",
    "events.registrations",
    "events.attendance",
    "webinars.registrations",
    "webinars.attendance",
    "crm.activities",
}
TOUCH_KEYS = ("anonymous_id", "email", "phone", "wechat_openid", "wechat_unionid", "external_id")


@pytest.fixture(scope="module")
def delivered(rows, as_of):
    """The last row of each record of a raw table: {table: {record: row}}."""

    def read(table):
        latest = {}
        ordered = sorted(
            rows(f"select * from raw.{table}"),
            key=lambda row: (row["_arrived_at"], row["_load_sequence"], row["_source_row"]),
        )
        for row in ordered:
            if row["_arrived_at"] <= as_of:
                latest[row["_record_id"]] = row
        return latest

    return read


@pytest.fixture(scope="module")
def people(rows):
    """The person of each record."""
    return {
        row["record_id"]: row["person_id"] for row in rows("select * from intermediate.int_identity__record_persons")
    }


def touch(row, kind, at, person, **facts):
    """One touch as it should be told; ``person`` is a set where one of several may be meant."""
    whom = person if isinstance(person, set) else {person}
    return row, {"type": kind, "at": at, "person": whom, "campaign": None, "outcome": None, **facts}


def key_record(row):
    """The record that the identifiers of a tracked touch make; None when it has none."""
    values = [(row[name] or "").strip() for name in TOUCH_KEYS]
    text = "|".join(["engagement.interactions", row["_source_system"], *values])
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() if any(values) else None


def tracked(delivered, people):
    # a device that several people used: whoever is known to have sat at it may be the one
    at_device = defaultdict(set)
    for table in ("engagement__interactions", "forms__submissions", "events__registrations", "webinars__registrations"):
        for row in delivered(table).values():
            person = people.get(key_record(row) if table.startswith("engagement") else row["_record_id"])
            if row["anonymous_id"] and person:
                at_device[row["anonymous_id"].strip()].add(person)
    for row in delivered("engagement__interactions").values():
        if key := key_record(row):
            is_device = not any(row[name] for name in TOUCH_KEYS[1:])
            person = at_device[row["anonymous_id"].strip()] if is_device else people[key]
            campaign = row["campaign_id"] or row["utm_campaign"]
            yield touch(row, row["type"], row["occurred_at"], person, campaign=campaign)


def submitted(delivered, people):
    for row in delivered("forms__submissions").values():
        kind, person = f"form_{row['form_type'] or 'other'}", people[row["_record_id"]]
        yield touch(row, kind, row["submitted_at"], person, direction="inbound", campaign=row["utm_campaign"])


def gathered(delivered, people, kind):
    """Registrations and attendance of events or webinars; who comes with a registration is whoever registered."""
    catalog = delivered(f"{kind}s__catalog").values()
    campaigns = {(row["_source_system"], row[f"{kind}_id"]): row["campaign_id"] for row in catalog}
    registrants = {}
    for row in delivered(f"{kind}s__registrations").values():
        person = people[row["_record_id"]]
        registrants[row["_source_system"], row["registration_id"]] = person
        facts = {"direction": "inbound", "campaign": campaigns.get((row["_source_system"], row[f"{kind}_id"]))}
        outcome = row.get("status")
        yield touch(row, f"{kind}_registration", row["registered_at"], person, outcome=outcome, **facts)
    for row in delivered(f"{kind}s__attendance").values():
        person = registrants.get((row["_source_system"], row["registration_id"])) or people.get(row["_record_id"])
        facts = {"direction": "inbound", "campaign": campaigns.get((row["_source_system"], row[f"{kind}_id"]))}
        if person and kind == "event":
            facts["seconds"] = row["left_at"] and (row["left_at"] - row["checked_in_at"]).total_seconds()
            yield touch(row, "event_attendance", row["checked_in_at"], person, **facts)
        elif person:
            facts["seconds"] = row["minutes_attended"] * 60
            watched = "webinar_replay" if row["is_replay"] else "webinar_attendance"
            yield touch(row, watched, row["joined_at"], person, **facts)


def worked(delivered, rows):
    crm = {}
    # a contact is the later object: it is written after the lead of the same id
    for row in rows("select * from intermediate.int_identity__crm_persons order by object_type desc"):
        crm[row["source_system"], row["object_id"]] = row["person_id"]
    for row in delivered("crm__activities").values():
        person = crm.get((row["_source_system"], row["object_id"]))
        if person and not row["is_deleted"]:
            yield touch(row, f"activity_{row['type'] or 'other'}", row["occurred_at"], person, outcome=row["outcome"])


@pytest.fixture(scope="module")
def expected(rows, delivered, people, as_of):
    """What each touch should say: {interaction: facts}."""
    sources = {
        "engagement.interactions": tracked(delivered, people),
        "forms.submissions": submitted(delivered, people),
        "events": gathered(delivered, people, "event"),
        "webinars": gathered(delivered, people, "webinar"),
        "crm.activities": worked(delivered, rows),
    }
    found = {}
    for source, touches in sources.items():
        for row, facts in touches:
            if facts["at"] <= as_of:
                kind = "attendance" if facts["type"].endswith(("attendance", "replay")) else "registrations"
                facts["table"] = source if "." in source else f"{source}.{kind}"
                _judge(facts, row)
                found[row["_record_id"]] = facts
    return found


def _judge(facts, row):
    """Add what the seeds say of a touch of this type and medium."""
    kind = facts["type"]
    rule = TYPES.get(kind, {"default_direction": "inbound"})
    medium = (row.get("utm_medium") or "").lower()
    fitting = [pattern for pattern in PATTERNS if fnmatchcase(kind, pattern)] if kind in TYPES else []
    exact = [pattern for pattern in fitting if pattern == kind]
    by_type = PATTERNS[(exact or sorted(fitting, key=len, reverse=True))[0]] if fitting else None
    facts.setdefault("seconds", row.get("duration_seconds"))
    facts["direction"] = facts.get("direction") or row["direction"] or rule["default_direction"]
    facts["channel"] = MEDIUM.get(medium) or by_type
    is_inbound = facts["direction"] == "inbound"
    facts["is_engagement"] = is_inbound and (facts["table"] == "crm.activities" or rule.get("is_engagement") == "true")
    facts["is_meaningful"] = is_inbound and rule.get("is_meaningful") == "true"
    facts["content"] = row.get("content_id")
    facts["product"] = row.get("product_id")


def test_every_delivered_touch_is_one_row_and_no_other(rows, expected):
    found = {row["interaction_id"] for row in rows("select interaction_id from marts.fct_interaction")}
    assert found == expected.keys()
    (whole,) = rows("select sum(interaction_count) as touches from marts.fct_interaction")
    assert whole["touches"] == len(expected)
    assert {facts["table"] for facts in expected.values()} == _TABLES


def test_a_touch_says_what_was_delivered_and_what_the_seeds_make_of_it(rows, expected, delivered):
    content = {}
    for row in sorted(delivered("engagement__content").values(), key=lambda row: row["_record_id"]):
        content.setdefault(row["content_id"], row)
    for row in rows("select * from marts.fct_interaction"):
        facts = expected[row["interaction_id"]]
        about = content.get(facts["content"], {})
        assert row["person_id"] in facts["person"]
        assert (
            row["source_table"],
            row["interaction_type"],
            row["occurred_at"],
            row["direction"],
            row["channel"],
            row["campaign_id"],
            row["outcome"],
            row["is_engagement"],
            row["is_meaningful"],
            row["content_id"],
            row["content_type"],
            row["journey_stage"],
            row["product_id"],
        ) == (
            facts["table"],
            facts["type"],
            facts["at"],
            facts["direction"],
            facts["channel"],
            facts["campaign"],
            facts["outcome"],
            facts["is_engagement"],
            facts["is_meaningful"],
            facts["content"],
            about.get("content_type"),
            about.get("journey_stage") or JOURNEY.get(about.get("content_type")),
            facts["product"] or about.get("product_id"),
        )
        measured = None if facts["seconds"] is None else pytest.approx(facts["seconds"])
        assert row["duration_seconds"] == measured
    directions = Counter(facts["direction"] for facts in expected.values())
    assert min(directions["inbound"], directions["outbound"]) > 100
    assert sum(len(facts["person"]) > 1 for facts in expected.values()) < 100


def test_a_touch_belongs_to_the_employer_of_its_day(rows, employer_at):
    known = {row["person_id"]: row["identified_at"] for row in rows("select * from intermediate.int_identity__persons")}
    now = {row["person_id"]: row["account_id"] for row in rows("select person_id, account_id from marts.dim_person")}
    moved = 0
    for row in rows("select * from marts.fct_interaction"):
        person, at = row["person_id"], row["occurred_at"]
        assert row["account_id"] == employer_at(person, at)
        assert row["was_anonymous"] == (known[person] is None or at < known[person])
        moved += row["account_id"] != now[person]
    assert moved > 0
