"""Contactability decided a second time: each person's history of yes and no walked in time by plain Python.

The walk reads the seeds' CSV files, the delivered rows and which address is whose; no model of consent is asked for anything but its result.
"""

import csv
import random
import re
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path

import phonenumbers
import pytest

from tests.integration.rebuild import copy_tables, rebuild

SEEDS = Path(__file__).resolve().parents[3] / "seeds" / "consent"


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


CHANNELS = {row["channel"]: row for row in seed("contact_channels")}
ALIASES = {row["alias"]: row["purpose"] for row in seed("contact_purpose_aliases")}
PURPOSES = {row["purpose"]: row for row in seed("contact_purposes")}
ACTIONS = {row["action"]: row for row in seed("consent_actions")}
EXPLICIT = {row["method"] for row in seed("consent_methods") if row["is_explicit"] == "true"}
RULES = {(row["regime"], row["channel"]): row for row in seed("consent_rules")}
COUNTRIES = {row["country_code"]: row["regime"] for row in seed("consent_countries")}
STRICTNESS = {row["regime"]: int(row["strictness"]) for row in seed("consent_regimes")}
LISTS = {(row["list"], row["channel"], row["purpose"]): row for row in seed("suppression_lists")}
LIST_NAMES = {name for name, _, _ in LISTS}
IMPLIED = {(row["regime"], row["channel"], row["fact"]): int(row["consent_days"]) for row in seed("implied_consents")}
REASONS = {row["reason"]: row for row in seed("contact_reasons")}


@pytest.fixture(scope="module")
def as_of(warehouse):
    return warehouse.sql("select as_of from ops.as_of").fetchone()[0]


def read_addresses(warehouse):
    """Normalised form of everything typed: {(kind, text, country): address}."""
    emails = warehouse.sql("select raw_email, email from intermediate.int_identity__normal_emails").fetchall()
    phones = warehouse.sql(
        "select raw_phone, country_code, phone from intermediate.int_identity__normal_phones"
    ).fetchall()
    return {("email", text, None): email for text, email in emails} | {
        ("phone", text, country): phone for text, country, phone in phones
    }


def read_history(warehouse, as_of):
    """What was said about each address, in time: {(address, channel, purpose): [(moment, is_no, is_explicit, reason, record, method)]}.

    A no whose address cannot be read stands under the person who said it.
    """
    countries = dict(warehouse.sql("select alias, country_code from seeds.country_aliases").fetchall())
    addresses = read_addresses(warehouse)
    persons = dict(
        warehouse.sql("select record_id, person_id from intermediate.int_identity__record_persons").fetchall()
    )
    told = defaultdict(list)

    def tell(row, channel, purpose, effect, reason):
        kind = CHANNELS[channel]["identifier_type"]
        country = countries.get((row["country"] or "").lower(), "")
        text = (row[kind] or "").strip()
        # an account number means something in the system that gave it
        text = f"{row['source_system']}|{text}" if kind == "external_id" and text else text
        address = (
            addresses.get((kind, text, country if kind == "phone" else None)) if kind in {"email", "phone"} else text
        )
        if effect == "withdrawal":
            address = address or persons.get(row["record_id"])
        if address and row["moment"] <= as_of:
            explicit = (row["method"] or "").lower() in EXPLICIT
            told[address, channel, purpose].append(
                (row["moment"], effect == "withdrawal", explicit, reason, row["record_id"], row["method"])
            )

    columns = "record_id, source_system, email, phone, wechat_openid, external_id, country"
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
        action = ACTIONS.get((row["action"] or "").lower(), {"effect": "withdrawal", "reason": "not_understood"})
        tell(row, row["channel"], ALIASES[row["purpose"]], action["effect"], action["reason"])
    return {key: sorted(events, key=lambda event: event[:2]) for key, events in told.items()}


def records(connection, query):
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def numbers_meant(text, known):
    """The known numbers that somebody may mean by a text: it is dialled in each of their countries."""
    found = set()
    for country in {phonenumbers.region_code_for_number(phonenumbers.parse(number)) for number in known}:
        try:
            number = phonenumbers.parse(text, country)
        except phonenumbers.NumberParseException:
            continue
        found.add(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return found & known


@pytest.fixture(scope="module")
def known_numbers(warehouse):
    return read_numbers(warehouse)


def read_numbers(warehouse):
    return {
        number
        for (number,) in warehouse.sql(
            "select identifier_value from intermediate.int_identity__person_identifiers where identifier_type = 'phone'"
        ).fetchall()
    }


def read_lists(warehouse, as_of):
    """What lists say: {(address, channel, purpose): {(reason, first day, record)}}."""
    addresses, known_numbers = read_addresses(warehouse), read_numbers(warehouse)
    found = defaultdict(set)
    for row in records(warehouse, "select * from staging.stg_consent__suppression"):
        is_on = (row["valid_from"] is None or row["valid_from"] <= as_of) and (
            row["valid_to"] is None or row["valid_to"] > as_of
        )
        if not is_on:
            continue
        kind, text = row["identifier_type"], row["identifier"].strip()
        meant = numbers_meant(text, known_numbers) if kind == "phone" else {addresses.get((kind, text, None), text)}
        for channel, entry in CHANNELS.items():
            if entry["identifier_type"] == kind and row["channel"] in {None, channel}:
                for purpose in PURPOSES:
                    rule = LISTS.get((row["list"], channel, purpose))
                    reason = rule["reason"] if rule else "not_understood" if row["list"] not in LIST_NAMES else None
                    for address in meant if reason else ():
                        found[address, channel, purpose].add((reason, row["valid_from"], row["record_id"]))
    return found


def read_facts(warehouse, as_of):
    """The latest inquiry and purchase of each person: {person: {fact: (moment, {record})}}."""
    asks = {row["interaction_type"] for row in requests_of_routes()}
    facts = defaultdict(list)
    for person, at, record, interaction_type in warehouse.sql(
        "select person_id, occurred_at, interaction_id, interaction_type from marts.fct_interaction where direction = 'inbound'"
    ).fetchall():
        if interaction_type in asks:
            facts[person, "inquiry"].append((at, record))
    for person, at, record in warehouse.sql(
        """
        select person_id, closed_at, opportunity_record_id from marts.fct_opportunity where is_won
        union all
        select person_id, ordered_at, order_record_id from marts.fct_order where not has_opportunity
        """
    ).fetchall():
        facts[person, "purchase"].append((at, record))
    found = defaultdict(dict)
    for (person, fact), times in facts.items():
        latest = max(at for at, _ in times if at <= as_of)
        found[person][fact] = (latest, {record for at, record in times if at == latest})
    return found


def requests_of_routes():
    with (SEEDS.parent / "routing" / "routes.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["is_request"] == "true"]


def live_through(events):
    """The standing no, the standing yes and the standing half yes of one address, each as its events of that moment."""
    no, yes, half_yes = [], [], []
    # a yes is sorted before a no of the same moment
    for event in events:
        moment, is_no, is_explicit = event[:3]
        if is_no:
            no, yes, half_yes = [*(one for one in no if one[0] == moment), event], [], []
        elif is_explicit:
            no, yes = [], [*(one for one in yes if one[0] == moment), event]
        else:
            half_yes = [*(one for one in half_yes if one[0] == moment), event]
    return no, yes, half_yes


def evidence(events):
    return {(moment, record, method) for moment, *_, record, method in events}


def verdict(told, lists, rule, implied, person_facts, as_of, *, usable, purpose):
    """The reason that holds for one address, the first of the ladder, and what may stand as its evidence."""
    no, yes, half_yes = live_through(told.get(purpose, []))
    also = PURPOSES[purpose]["objections_from"]
    no_to_other = live_through(told.get(also, []))[0] if also else []
    needs_consent = PURPOSES[purpose]["needs_consent"] == "true"
    days = rule["consent_days"]
    is_over = bool(yes and days and yes[0][0] + timedelta(days=int(days)) <= as_of)
    facts = {
        fact: (at, at + timedelta(days=implied[fact]) > as_of, records)
        for fact, (at, records) in person_facts.items()
        if fact in implied
    }

    def by_list(reason):
        return {(day, record, None) for one, day, record in lists if one == reason}

    def by_fact(*, holds):
        return {
            (at, record, fact) for fact, (at, is_on, records) in facts.items() if is_on == holds for record in records
        }

    noes = {event[3]: evidence([event]) for event in [*no, *no_to_other]}
    nothing = {(None, None, None)}
    ladder = [
        ("black_list", by_list("black_list")),
        ("do_not_call", by_list("do_not_call")),
        ("unsubscribed", noes.get("unsubscribed")),
        ("not_understood", by_list("not_understood") | noes.get("not_understood", set())),
        ("opted_out", noes.get("opted_out")),
        ("shared_address", not usable and nothing),
        ("not_needed", not needs_consent and nothing),
        ("consent", not is_over and evidence(yes)),
        ("implied_consent", by_fact(holds=True)),
        ("white_list", by_list("white_list")),
        ("no_objection", rule["basis"] == "opt_out" and nothing),
        ("consent_expired", evidence(yes) | by_fact(holds=False)),
        ("no_explicit_consent", evidence(half_yes)),
        ("no_consent", nothing),
    ]
    return next((reason, proof) for reason, proof in ladder if proof)


def compare_with_walk(warehouse, as_of, rules=RULES):
    """Hold every answer against the walk; return how often each law gave each reason."""
    history, listed, facts = (read(warehouse, as_of) for read in (read_history, read_lists, read_facts))
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
            address = row["identifier_value"]
            told = {
                purpose: sorted(
                    history.get((address, channel, purpose), [])
                    + history.get((row["person_id"], channel, purpose), []),
                    key=lambda event: event[:2],
                )
                for purpose in PURPOSES
            }
            implied = {fact: days for (law, way, fact), days in IMPLIED.items() if (law, way) == (regime, channel)}
            for purpose in PURPOSES:
                reason, proof = verdict(
                    told, listed.get((address, channel, purpose), set()), rules[regime, channel], implied,
                    facts.get(row["person_id"], {}), as_of, usable=row["is_usable"], purpose=purpose,
                )  # fmt: skip
                expected.setdefault((row["person_id"], channel, purpose), []).append((reason, regime, address, proof))

    answers = {
        (row["person_id"], row["channel"], row["purpose"]): row
        for row in records(warehouse, "select * from marts.mart_contactability")
    }
    assert answers.keys() == expected.keys()
    for key, findings in expected.items():
        found = answers[key]
        reason, regime, *_ = min(findings, key=lambda finding: int(REASONS[finding[0]]["strength"]))
        may = REASONS[reason]["is_contactable"] == "true"
        permitted = sum(REASONS[one]["is_contactable"] == "true" for one, *_ in findings) if may else 0
        assert (found["reason"], found["regime"], found["is_contactable"], found["permitted_address_count"]) == (
            reason, regime, may, permitted,
        ), key  # fmt: skip
        # the address that it names is one of which this is true, and the evidence is of that address
        proofs = [proof for one, _, address, proof in findings if (one, address) == (reason, found["identifier_value"])]
        assert proofs, key
        assert (found["decided_at"], found["record_id"], found["method"]) in proofs[0], key
    return Counter((row["regime"], row["reason"]) for row in answers.values())


def test_every_answer_equals_a_walk_through_what_was_said(warehouse, as_of):
    seen = {reason for _, reason in compare_with_walk(warehouse, as_of)}
    # what the sample company plants is all there
    assert {
        "consent",
        "no_objection",
        "no_consent",
        "no_explicit_consent",
        "unsubscribed",
        "opted_out",
        "implied_consent",
        "consent_expired",
        "black_list",
        "do_not_call",
        "not_needed",
        "white_list",
        "shared_address",
    } <= seen


def test_in_other_countries_with_consents_that_run_out_and_words_that_nobody_knows_it_equals_the_walk_as_well(
    warehouse_home, warehouse, as_of
):
    """The same people spread over the world: Canada, where inquiries and purchases count, and places that no rule names."""
    countries = ["CA", "US", "CN", "DE", "ZZ", None]
    days = {"gdpr": "200", "pipl": "300", "casl": "150"}
    rules = {key: row | {"consent_days": days.get(key[0], "")} for key, row in RULES.items()}

    def change(own):
        copy_tables(
            own, warehouse,
            ["marts.fct_interaction", "marts.fct_opportunity", "marts.fct_order", "seeds.country_aliases"],
        )  # fmt: skip
        people = own.sql(
            "select person_id from warehouse.intermediate.int_identity__persons order by person_id"
        ).fetchall()
        own.executemany(
            "update warehouse.intermediate.int_identity__persons set country = ? where person_id = ?",
            [(countries[number % len(countries)], person) for number, (person,) in enumerate(people)],
        )
        # what they wrote beside a consent would bring their own countries back
        for table in ("stg_consent__events", "stg_forms__submissions"):
            own.execute(f"update warehouse.staging.{table} set country = null where record_id >= '5'")
        own.executemany(
            "update warehouse.seeds.consent_rules set consent_days = ? where regime = ?",
            [(int(number), regime) for regime, number in days.items()],
        )
        own.execute("update warehouse.staging.stg_consent__events set action = 'optout' where record_id < '2'")
        own.execute(
            "update warehouse.staging.stg_consent__suppression set list = 'never' where record_id = (select min(record_id) from warehouse.staging.stg_consent__suppression where list = 'black')"
        )
        # record ids are digests, so by their first digit half of the facts become old ones
        own.execute(
            "update warehouse.intermediate.int_lifecycle__submissions set occurred_at = occurred_at - interval 1 year where record_id < '8'"
        )
        own.execute(
            "update warehouse.marts.fct_interaction set occurred_at = occurred_at - interval 1 year where interaction_id < '8'"
        )
        for table, at, key in (
            ("intermediate.int_finance__revenue", "won_at", "revenue_id"),
            ("marts.fct_opportunity", "closed_at", "opportunity_record_id"),
            ("marts.fct_order", "ordered_at", "order_record_id"),
        ):
            own.execute(f"update warehouse.{table} set {at} = {at} - interval 2 year where {key} < '8'")

    models = [
        "int_consent__events", "int_consent__suppressions", "int_consent__implied", "int_consent__person_regimes",
        "int_consent__decisions", "mart_contactability",
    ]  # fmt: skip
    with rebuild(warehouse_home, warehouse, models, change) as own:
        seen = compare_with_walk(own, as_of, rules)
    assert {law for law, _ in seen} == STRICTNESS.keys()
    assert {reason for _, reason in seen} >= {"not_understood", "implied_consent", "consent_expired", "do_not_call"}
    assert {law for law, reason in seen if reason == "implied_consent"} == {"casl"}
    assert {law for law, reason in seen if reason == "consent_expired"} >= {"gdpr", "casl"}


def test_the_rules_say_what_the_laws_say():
    """Written down here from the laws, not read from the seeds."""
    email, sms, phone = ({regime: RULES[regime, channel]["basis"] for regime in STRICTNESS} for channel in ("email", "sms", "phone"))  # fmt: skip
    assert email == {"gdpr": "opt_in", "pipl": "opt_in", "casl": "opt_in", "can_spam": "opt_out"}
    assert sms == dict.fromkeys(email, "opt_in")
    assert phone == {"gdpr": "opt_in", "pipl": "opt_in", "casl": "opt_out", "can_spam": "opt_out"}
    assert {country: COUNTRIES[country] for country in ("DE", "GB", "CN", "CA", "US")} == {
        "DE": "gdpr", "GB": "gdpr", "CN": "pipl", "CA": "casl", "US": "can_spam",
    }  # fmt: skip
    # CASL, section 10(9) and (10): six months from an inquiry, two years from a purchase; nowhere else
    assert {regime for regime, _, _ in IMPLIED} == {"casl"}
    assert IMPLIED["casl", "email", "inquiry"] <= 181
    assert IMPLIED["casl", "email", "purchase"] <= 730
    assert not {"pre_ticked", "imported"} & EXPLICIT


@pytest.mark.parametrize("seed_number", range(3))
def test_a_register_that_writes_numbers_as_at_home_blocks_whoever_has_them(
    warehouse_home, warehouse, known_numbers, seed_number
):
    """The SQL over a register made up from the company's own numbers, against a library that dials each in each country."""
    rng = random.Random(seed_number)
    numbers = rng.sample(sorted(known_numbers), 60)
    entries = []
    for place, number in enumerate(numbers):
        parsed = phonenumbers.parse(number)
        text = rng.choice(
            [
                phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL),
                phonenumbers.national_significant_number(parsed),
            ]
        )
        entries.append((f"entry {place}", text))

    def change(own):
        own.execute("delete from warehouse.staging.stg_consent__suppression")
        own.executemany(
            """
            insert into warehouse.staging.stg_consent__suppression (record_id, source_system, identifier_type, identifier, list)
            values (?, 'register', 'phone', ?, 'dncl')
            """,
            entries,
        )

    with rebuild(warehouse_home, warehouse, ["int_consent__suppressions"], change) as own:
        found = defaultdict(set)
        for record, number, channel, purpose in own.sql(
            "select record_id, identifier_value, channel, purpose from intermediate.int_consent__suppressions where effect = 'block'"
        ).fetchall():
            found[record].add((number, channel, purpose))
    for (record, text), number in zip(entries, numbers, strict=True):
        wanted = {
            (one, channel, purpose)
            for one in numbers_meant(text, known_numbers)
            for channel in ("phone", "sms")
            for purpose in PURPOSES
        }
        assert (number, "phone", "request") in wanted
        assert found[record] >= wanted, (text, number)


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


def test_a_no_that_can_be_held_against_nobody_is_told(warehouse_home, warehouse):
    """An entry that no number can be read from, and an objection of a stranger without an address; what can be read is not told."""

    def change(own):
        own.execute("delete from warehouse.staging.stg_consent__suppression")
        own.execute("delete from warehouse.staging.stg_consent__events")
        own.execute(
            """
            insert into warehouse.staging.stg_consent__suppression (record_id, source_system, identifier_type, identifier, list, valid_to)
            values
                ('unreadable', 's', 'phone', 'ask at the desk', 'dncl', null),
                ('left', 's', 'phone', 'ask at the desk', 'dncl', timestamp '2020-01-01'),
                ('readable', 's', 'wechat_openid', 'o-123', 'black', null)
            """
        )
        own.execute(
            """
            insert into warehouse.staging.stg_consent__events (record_id, occurred_at, channel, purpose, action, email, source_system)
            values
                ('stranger', timestamp '2025-01-01', 'email', 'marketing', 'opt_out', 'not an address', 's'),
                ('agrees', timestamp '2025-01-01', 'email', 'marketing', 'opt_in', 'not an address', 's')
            """
        )

    models = ["int_consent__events", "int_consent__suppressions", "assert_every_no_is_in_force"]
    with rebuild(warehouse_home, warehouse, models, change) as own:
        told = own.sql("select record_id from intermediate.assert_every_no_is_in_force").fetchall()
    assert sorted(told) == [("stranger",), ("unreadable",)]
