"""Accounts a second time: each touch, title, list and attendance looked at by itself."""

import re
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta

import pytest

from tests.integration.money.conftest import seed

MINUTES = {row["interaction_type"]: row for row in seed("accounts/touch_minutes")}
ROLES = {row["role"]: row for row in seed("accounts/buying_roles")}
CRM_ROLES = {row["crm_role"]: row["role"] for row in seed("accounts/crm_buying_roles")}
WINDOW = timedelta(days=int(seed("accounts/awareness_windows")[0]["window_days"]))
FOREVER = datetime(9999, 12, 31)


@pytest.fixture(scope="module")
def engagements(rows):
    """Every engagement with its account: the person's of that time, else that of the visitor's network."""
    accounts = {
        row["raw_host"]: row["account_id"]
        for row in rows(
            """
            select domains.raw_host, keys.account_id
            from intermediate.int_identity__domains as domains
            inner join intermediate.int_identity__account_keys as keys
                on keys.key_type = 'domain' and keys.key_value = domains.domain
            where domains.is_corporate
            """
        )
    }
    networks = {
        row["record_id"]: accounts.get(row["company_domain"])
        for row in rows(
            "select record_id, company_domain from staging.stg_engagement__interactions where company_domain is not null"
        )
    }
    found = []
    for row in rows("select * from marts.fct_interaction where is_engagement"):
        account = row["account_id"] or networks.get(row["interaction_id"])
        if account:
            rule = MINUTES.get(row["interaction_type"])
            measured = row["duration_seconds"]
            if rule is None:
                minutes = 0.0
            elif measured is None:
                minutes = float(rule["estimated_minutes"])
            else:
                minutes = min(max(measured / 60, 0.0), float(rule["max_minutes"]))
            estimated = rule is not None and measured is None
            found.append(
                {
                    **row,
                    "account": account,
                    "minutes": minutes,
                    "is_estimated": estimated,
                    "is_network": not row["account_id"],
                }
            )
    return found


@pytest.fixture(scope="module")
def listed(rows):
    """List, account, beginning, end; from the CRM's own rows."""
    accounts = {
        (row["source_system"], row["crm_account_id"]): row["account_id"]
        for row in rows("select * from intermediate.int_identity__crm_accounts")
    }
    return [
        (
            row["list_name"],
            accounts[row["source_system"], row["account_id"]],
            row["valid_from"],
            row["valid_to"] or FOREVER,
        )
        for row in rows("select * from staging.stg_crm__target_lists")
    ]


def test_minutes_are_those_of_each_touch_added_up(rows, engagements):
    expected = defaultdict(Counter)
    people = defaultdict(set)
    for row in engagements:
        key = (row["account"], row["occurred_at"].strftime("%Y-%m"))
        people[key].add(row["person_id"])
        expected[key]["touch_count"] += 1
        expected[key]["company_visit_count"] += row["is_network"]
        expected[key]["minutes"] += row["minutes"]
        expected[key]["estimated_minutes"] += row["minutes"] if row["is_estimated"] else 0
        is_event = MINUTES.get(row["interaction_type"], {}).get("is_event") == "true"
        expected[key]["event_minutes"] += row["minutes"] if is_event else 0
    found = {(row["account_id"], row["month"]): row for row in rows("select * from marts.mart_account_engagement")}
    assert found.keys() == expected.keys()
    for key, row in found.items():
        assert row["person_count"] == len(people[key])
        for name, value in expected[key].items():
            assert row[name] == pytest.approx(value, abs=1e-6), (key, name)
    assert sum(row["company_visit_count"] for row in found.values()) > 0
    assert any(row["event_minutes"] for row in found.values())


def test_a_role_is_covered_by_the_titles_of_now_and_the_words_of_the_crm(rows, listed, as_of):
    filled = defaultdict(set)
    people = {
        row["person_id"]: row
        for row in rows(
            "select * from intermediate.int_identity__persons where not is_anonymous and not is_cleaned_out"
        )
    }
    for person, row in people.items():
        for role, rule in ROLES.items():
            if row["job_title"] and re.search(rule["title_pattern"], row["job_title"]):
                filled[person].add(role)
    for row in rows(
        """
        select persons.person_id, lower(contacts.role) as role
        from staging.stg_crm__opportunity_contacts as contacts
        inner join intermediate.int_identity__crm_persons as persons
            on
                persons.object_type = 'contact'
                and contacts.source_system = persons.source_system
                and contacts.contact_id = persons.object_id
        """
    ):
        filled[row["person_id"]].add(CRM_ROLES.get(row["role"]))
    may = {
        row["person_id"]
        for row in rows(
            "select person_id from marts.mart_contactability where is_contactable and purpose = 'marketing'"
        )
    }
    known, reachable = Counter(), Counter()
    for person, row in people.items():
        for role in filled[person]:
            known[row["account_id"], role] += 1
            reachable[row["account_id"], role] += person in may
    targets = {account for _, account, begin, end in listed if begin <= as_of < end}
    found = rows("select * from marts.mart_account_coverage")
    wanted = {role for role, rule in ROLES.items() if rule["is_wanted"] == "true"}
    some = {row["account_id"] for row in rows("select account_id from marts.dim_account where known_person_count > 0")}
    assert {(row["account_id"], row["role"]) for row in found} == {
        (account, role) for account in some | targets for role in wanted
    }
    for row in found:
        key = (row["account_id"], row["role"])
        assert (row["known_count"], row["reachable_count"]) == (known[key], reachable[key])
        assert row["is_target_account"] == (row["account_id"] in targets)
    assert {row["coverage"] for row in found} >= {"missing", "reachable"}


def test_awareness_is_asked_of_each_account_at_the_end_of_each_month(rows, engagements, listed, as_of):
    touched = defaultdict(set)
    for row in engagements:
        touched[row["account"]].add(row["occurred_at"].date())
    found = rows("select * from marts.mart_account_awareness")
    for row in found:
        begin = datetime.combine(row["month_starts_on"], datetime.min.time())
        seen_at = min((begin + timedelta(days=32)).replace(day=1), as_of)
        on_list = {
            account
            for name, account, since, until in listed
            if row["list_name"] in {name, "(all)"} and since < seen_at <= until
        }
        aware = {
            account
            for account in on_list
            if any(seen_at - WINDOW <= datetime.combine(day, datetime.min.time()) < seen_at for day in touched[account])
        }
        assert (row["target_account_count"], row["aware_account_count"]) == (len(on_list), len(aware))
    assert {row["list_name"] for row in found} == {name for name, *_ in listed} | {"(all)"}
    assert any(0 < row["awareness"] < 1 for row in found)


def test_reach_is_asked_of_each_attendee_on_the_day(rows, listed, employer_at):
    starts = {
        row["record_id"]: row["starts_at"]
        for row in rows("select record_id, starts_at from staging.stg_events__catalog")
    }
    starts |= {
        row["record_id"]: row["starts_at"]
        for row in rows("select record_id, starts_at from staging.stg_webinars__catalog")
    }
    attended = defaultdict(set)
    for kind in ("event", "webinar"):
        for row in rows(
            f"""
            select catalog.record_id as event_key, touches.person_id
            from staging.stg_{kind}s__attendance as attendance
            inner join staging.stg_{kind}s__catalog as catalog using (source_system, {kind}_id)
            inner join marts.fct_interaction as touches on attendance.record_id = touches.interaction_id
            """
        ):
            attended[row["event_key"]].add(row["person_id"])
    people = {row["person_id"]: row for row in rows("select * from marts.dim_person")}
    titles = defaultdict(list)
    for row in rows("select * from intermediate.int_identity__profile_history where attribute = 'job_title'"):
        titles[row["person_id"]].append((row["valid_from"], row["valid_to"] or FOREVER, row["value"]))
    on_deals = defaultdict(list)
    for row in rows("select * from intermediate.int_accounts__person_roles where said_by = 'crm'"):
        on_deals[row["person_id"]].append((row["valid_from"], row["role"]))

    def is_in_role(person, at):
        said = [value for begin, end, value in titles[person] if begin <= at < end]
        roles = {role for role, rule in ROLES.items() for value in said if re.search(rule["title_pattern"], value)}
        roles |= {role for begin, role in on_deals[person] if begin <= at}
        return any(ROLES[role]["is_wanted"] == "true" for role in roles)

    found = rows("select * from marts.mart_event_reach")
    assert {row["event_key"] for row in found} == starts.keys()
    for row in found:
        at = starts[row["event_key"]]
        known = [person for person in attended[row["event_key"]] if not people[person]["is_anonymous"]]
        of_target = {
            person
            for person in known
            if any(employer_at(person, at) == account and begin <= at < end for _, account, begin, end in listed)
        }
        in_role = {person for person in known if is_in_role(person, at)}
        assert row["attendee_count"] == len(attended[row["event_key"]])
        assert (
            row["identified_count"],
            row["target_account_count"],
            row["wanted_role_count"],
            row["reached_count"],
        ) == (
            len(known),
            len(of_target),
            len(in_role),
            len(of_target & in_role),
        )
        assert row["reach"] == (pytest.approx(len(of_target & in_role) / len(known)) if known else None)
    assert sum(row["wanted_role_count"] for row in found) > 0


def test_a_target_list_has_its_accounts_in_the_time_that_the_crm_says(rows, listed, as_of):
    found = {
        (row["list_name"], row["account_id"], row["valid_from"], row["valid_to"] or FOREVER, row["is_current"])
        for row in rows("select * from marts.bridge_account_target_list")
    }
    assert found == {(*entry, entry[2] <= as_of < entry[3]) for entry in listed}
    assert all(begin.date() >= date(2000, 1, 1) for _, _, begin, _ in listed)
