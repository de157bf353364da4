"""Contactability decided a second time: each person's history of yes and no walked in time by plain Python.

The walk reads the seeds' CSV files, the delivered rows and which address is whose; no model of consent is asked for anything but its result.
"""

import csv
import re
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path

import pytest

SEEDS = Path(__file__).resolve().parents[3] / "seeds" / "consent"


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


CHANNELS = {row["channel"]: row for row in seed("contact_channels")}
ALIASES = {row["alias"]: row["purpose"] for row in seed("contact_purpose_aliases")}
PURPOSES = {row["purpose"]: row["needs_consent"] == "true" for row in seed("contact_purposes")}
ACTIONS = {row["action"]: row for row in seed("consent_actions")}
EXPLICIT = {row["method"] for row in seed("consent_methods") if row["is_explicit"] == "true"}
RULES = {(row["regime"], row["channel"]): row for row in seed("consent_rules")}
COUNTRIES = {row["country_code"]: row["regime"] for row in seed("consent_countries")}
STRICTNESS = {row["regime"]: int(row["strictness"]) for row in seed("consent_regimes")}
LISTS = {(row["list"], row["channel"], row["purpose"]): row for row in seed("suppression_lists")}
REASONS = {row["reason"]: row for row in seed("contact_reasons")}


@pytest.fixture(scope="module")
def as_of(warehouse):
    return warehouse.sql("select as_of from ops.as_of").fetchone()[0]


@pytest.fixture(scope="module")
def addresses(warehouse):
    """Normalised form of everything typed: {(kind, text, country): address}."""
    emails = warehouse.sql("select raw_email, email from intermediate.int_identity__normal_emails").fetchall()
    phones = warehouse.sql(
        "select raw_phone, country_code, phone from intermediate.int_identity__normal_phones"
    ).fetchall()
    return {("email", text, None): email for text, email in emails} | {
        ("phone", text, country): phone for text, country, phone in phones
    }


@pytest.fixture(scope="module")
def history(warehouse, addresses, as_of):
    """What was said about each address, in time: {(address, channel, purpose): [(moment, is_no, is_explicit, reason)]}."""
    countries = dict(warehouse.sql("select alias, country_code from seeds.country_aliases").fetchall())
    told = defaultdict(list)

    def tell(row, channel, purpose, effect, reason):
        kind = CHANNELS[channel]["identifier_type"]
        country = countries.get((row["country"] or "").lower(), "")
        text = (row[kind] or "").strip()
        address = (
            addresses.get((kind, text, country if kind == "phone" else None)) if kind in {"email", "phone"} else text
        )
        if address and row["moment"] <= as_of:
            explicit = (row["method"] or "").lower() in EXPLICIT
            told[address, channel, purpose].append((row["moment"], effect == "withdrawal", explicit, reason))

    columns = "email, phone, wechat_openid, external_id, country"
    for row in records(
        warehouse, "select *, submitted_at as moment, consent_method as method from staging.stg_forms__submissions"
    ):
        if row["consent_marketing"]:
            named = re.findall("[a-z_]+", (row["consent_channels"] or "").lower())
            for channel, entry in CHANNELS.items():
                if channel in named or (not named and entry["is_form_default"] == "true"):
                    tell(row, channel, "marketing", "grant", "consent")
    for row in records(
        warehouse,
        f"select occurred_at as moment, action, channel, purpose, method, {columns} from staging.stg_consent__events",
    ):
        action = ACTIONS[row["action"].lower()]
        tell(row, row["channel"], ALIASES[row["purpose"]], action["effect"], action["reason"])
    return {key: sorted(events, key=lambda event: event[:2]) for key, events in told.items()}


def records(connection, query):
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.fixture(scope="module")
def listed(warehouse, addresses, as_of):
    """Reasons that lists give: {(address, channel, purpose): {reason}}."""
    found = defaultdict(set)
    for row in records(warehouse, "select * from staging.stg_consent__suppression"):
        is_on = (row["valid_from"] is None or row["valid_from"] <= as_of) and (
            row["valid_to"] is None or row["valid_to"] > as_of
        )
        kind = row["identifier_type"]
        address = addresses.get((kind, row["identifier"].strip(), "" if kind == "phone" else None))
        if not is_on or address is None:
            continue
        for channel, entry in CHANNELS.items():
            if entry["identifier_type"] == kind and row["channel"] in {None, channel}:
                for purpose in PURPOSES:
                    if (row["list"], channel, purpose) in LISTS:
                        found[address, channel, purpose].add(LISTS[row["list"], channel, purpose]["reason"])
    return found


def live_through(events):
    """The standing no, the standing yes and the standing half yes of one address."""
    no, yes, half_yes = None, None, None
    # a yes is sorted before a no of the same moment
    for moment, is_no, is_explicit, reason in events:
        if is_no:
            no, yes, half_yes = reason, None, None
        elif is_explicit:
            no, yes = None, moment
        else:
            half_yes = moment
    return no, yes, half_yes


def verdict(events, lists, rule, as_of, *, usable, needs_consent):
    """The reason that holds for one address: the first of the ladder."""
    no, yes, half_yes = live_through(events)
    days = rule["consent_days"]
    is_over = bool(yes and days and yes + timedelta(days=int(days)) <= as_of)
    ladder = {
        "black_list": "black_list" in lists,
        "do_not_call": "do_not_call" in lists,
        no: no,
        "shared_address": not usable,
        "not_needed": not needs_consent,
        "consent": yes and not is_over,
        "white_list": "white_list" in lists,
        "no_objection": rule["basis"] == "opt_out",
        "consent_expired": yes,
        "no_explicit_consent": half_yes,
        "no_consent": True,
    }
    return next(reason for reason, holds in ladder.items() if holds)


def test_every_answer_equals_a_walk_through_what_was_said(warehouse, history, listed, as_of):
    countries = defaultdict(set)
    for person, country in warehouse.sql(
        "select person_id, country from intermediate.int_identity__persons where not is_anonymous"
    ).fetchall():
        countries[person].add(country)
    for person, country in warehouse.sql(
        """
        select persons.person_id, aliases.country_code
        from (
            select record_id, country from staging.stg_consent__events
            union all
            select record_id, country from staging.stg_forms__submissions where consent_marketing
        ) as said
        join intermediate.int_identity__record_persons as persons using (record_id)
        join seeds.country_aliases as aliases on lower(said.country) = aliases.alias
        """
    ).fetchall():
        countries[person].add(country)
    strictest = max(STRICTNESS, key=STRICTNESS.get)

    expected = {}
    for row in records(warehouse, "select * from intermediate.int_identity__person_identifiers"):
        if row["person_id"] not in countries:
            continue
        known = countries[row["person_id"]] - {None}
        regime = max((COUNTRIES.get(one, strictest) for one in known), key=STRICTNESS.get, default=strictest)
        for channel, entry in CHANNELS.items():
            if entry["identifier_type"] != row["identifier_type"] or (
                entry["needs_mobile"] == "true" and not row["is_mobile"]
            ):
                continue
            for purpose, needs_consent in PURPOSES.items():
                key = row["identifier_value"], channel, purpose
                reason = verdict(
                    history.get(key, []), listed.get(key, set()), RULES[regime, channel], as_of,
                    usable=row["is_usable"], needs_consent=needs_consent,
                )  # fmt: skip
                expected.setdefault((row["person_id"], channel, purpose), []).append((reason, regime))

    answers = {
        (person, channel, purpose): (reason, regime, is_contactable, permitted)
        for person, channel, purpose, reason, regime, is_contactable, permitted in warehouse.sql(
            """
            select person_id, channel, purpose, reason, regime, is_contactable, permitted_address_count
            from marts.mart_contactability
            """
        ).fetchall()
    }
    assert answers.keys() == expected.keys()
    for key, findings in expected.items():
        reason, regime = min(findings, key=lambda finding: int(REASONS[finding[0]]["strength"]))
        may = REASONS[reason]["is_contactable"] == "true"
        permitted = sum(REASONS[one]["is_contactable"] == "true" for one, _ in findings) if may else 0
        assert answers[key] == (reason, regime, may, permitted), key
    # what the sample company plants is all there
    seen = Counter(reason for reason, *_ in answers.values())
    assert {
        "consent",
        "no_objection",
        "no_consent",
        "no_explicit_consent",
        "unsubscribed",
        "black_list",
        "do_not_call",
        "not_needed",
    } <= set(seen)


def test_who_has_unsubscribed_and_come_back_by_a_box_ticked_beforehand_stays_out(warehouse):
    """No answer leans on a yes that is older than a no of the same address."""
    broken = warehouse.sql(
        """
        select answers.person_id
        from marts.mart_contactability as answers
        join marts.fct_consent as noes
            on answers.identifier_value = noes.identifier_value
            and answers.channel = noes.channel and answers.purpose = noes.purpose and noes.effect = 'withdrawal'
        where answers.is_contactable and not exists (
            select 1 from marts.fct_consent as yeses
            where yeses.identifier_value = noes.identifier_value and yeses.channel = noes.channel and yeses.purpose = noes.purpose
                and yeses.effect = 'grant' and yeses.is_explicit and yeses.occurred_at > noes.occurred_at
        )
        """
    ).fetchall()
    assert broken == []
