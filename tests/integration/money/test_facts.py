"""Costs, orders and campaigns counted a second time, from what was delivered, in plain Python."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from fnmatch import fnmatchcase

import pytest

from tests.integration.money.conftest import converted, seed


def test_no_cost_is_dropped_and_each_is_converted_at_the_rate_of_its_day(rows):
    found = {row["cost_id"]: row for row in rows("select * from marts.fct_cost")}
    delivered = rows("select * from staging.stg_finance__costs")
    assert found.keys() == {row["record_id"] for row in delivered}
    assert len({row["currency"] for row in delivered}) > 1
    for row in delivered:
        fact = found[row["record_id"]]
        assert fact["reporting_amount"] == converted(row["cost_amount"], row["currency"], row["day"])
        assert fact["campaign_id"] == (row["campaign_id"] or "unknown")
        assert fact["has_campaign"] == (row["campaign_id"] is not None)


def test_orders_are_converted_and_find_their_deal_and_their_people(rows):
    deals = {(row["source_system"], row["opportunity_id"]): row for row in rows("select * from marts.fct_opportunity")}
    delivered = rows("select * from staging.stg_crm__orders where not coalesce(is_deleted, false)")
    found = {row["order_record_id"]: row for row in rows("select * from marts.fct_order")}
    assert found.keys() == {row["record_id"] for row in delivered}
    for row in delivered:
        fact = found[row["record_id"]]
        assert fact["reporting_amount"] == converted(row["amount"], row["currency"], row["ordered_at"])
        deal = deals.get((row["source_system"], row["opportunity_id"]))
        assert fact["opportunity_record_id"] == (deal and deal["opportunity_record_id"])
        # the contact who signs is the contact of the deal here, so both ways to the person must meet
        assert deal is None or fact["person_id"] == deal["person_id"]


def test_every_campaign_word_stands_once_under_the_top_of_its_chain(rows):
    parents = {
        row["campaign_id"]: row["parent_campaign_id"]
        for row in rows("select campaign_id, parent_campaign_id from staging.stg_crm__campaigns")
    }
    rules = sorted(seed("channels/campaign_rules"), key=lambda row: int(row["priority"]))
    used = {
        row["campaign_id"]
        for table in ("fct_interaction", "fct_cost", "fct_opportunity", "fct_lifecycle_transition")
        for row in rows(f"select distinct campaign_id from marts.{table} where campaign_id is not null")
    }
    found = {row["campaign_id"]: row for row in rows("select * from marts.dim_campaign")}
    assert found.keys() == used | parents.keys() | {"unknown"}
    for word, row in found.items():
        if word in parents:
            top = word
            while parents.get(top):
                top = parents[top]
            assert (row["programme_id"], row["mapped_by"]) == (top, "crm")
        elif word != "unknown":
            fits = [rule["programme"] for rule in rules if fnmatchcase(word.lower(), rule["pattern"])]
            assert row["programme_id"] == (fits or ["unmapped"])[0]


def test_content_counts_its_touches(rows):
    touches, people = defaultdict(int), defaultdict(set)
    for row in rows("select content_id, person_id from marts.fct_interaction where content_id is not null"):
        touches[row["content_id"]] += 1
        people[row["content_id"]].add(row["person_id"])
    for row in rows("select * from marts.dim_content"):
        assert row["touch_count"] == touches[row["content_id"]]
        assert row["person_count"] == len(people[row["content_id"]])


def test_spend_without_a_campaign_is_there(rows):
    """The sample's people, content and tools belong to no campaign; they must not vanish from any sum."""
    (whole,) = rows("select sum(reporting_amount) as spent from marts.fct_cost")
    (none,) = rows("select sum(reporting_amount) as spent from marts.fct_cost where campaign_id = 'unknown'")
    assert Decimal(0) < none["spent"] < whole["spent"]


def last_saves(rows, table, key, as_of):
    """The last save of each object of the CRM, by its system and id."""
    saves = sorted(
        rows(f"select * from raw.crm__{table}"),
        key=lambda row: (
            row["_arrived_at"],
            row["_load_sequence"],
            row.get("updated_at") or row["_arrived_at"],
            row["_source_row"],
        ),
    )
    return {(row["_source_system"], row[key]): row for row in saves if row["_arrived_at"] <= as_of}


def test_a_deal_is_what_the_crm_saved_last_with_one_contact_and_one_account(rows, as_of, employer_at):
    people = {
        (row["source_system"], row["object_id"]): row["person_id"]
        for row in rows("select * from intermediate.int_identity__crm_persons where object_type = 'contact'")
    }
    accounts = {
        (row["source_system"], row["crm_account_id"]): row["account_id"]
        for row in rows("select * from intermediate.int_identity__crm_accounts")
    }
    named = defaultdict(list)
    for row in rows("select * from staging.stg_crm__opportunity_contacts where is_primary"):
        added = (row["added_at"] is None, row["added_at"] or as_of, row["contact_id"])
        named[row["source_system"], row["opportunity_id"]].append(added)
    found = {row["opportunity_record_id"]: row for row in rows("select * from marts.fct_opportunity")}
    delivered = {
        row["_record_id"]: (key, row)
        for key, row in last_saves(rows, "opportunities", "opportunity_id", as_of).items()
        if not row["is_deleted"] and row["created_at"] <= as_of
    }
    assert found.keys() == delivered.keys()
    for record, (key, row) in delivered.items():
        fact = found[record]
        contact = row["contact_id"] or (min(named[key])[2] if named[key] else None)
        person = people.get((key[0], contact))
        account = accounts.get((key[0], row["account_id"]))
        closed = row["closed_at"] if row["closed_at"] and row["closed_at"] <= as_of else None
        assert fact["person_id"] == person
        assert fact["account_id"] == (account or (person and employer_at(person, row["created_at"])))
        assert (fact["is_won"], fact["is_open"]) == (bool(closed and row["is_won"]), closed is None)
        assert (fact["created_at"], fact["closed_at"]) == (row["created_at"], closed)
        assert fact["closed_month"] == (closed and closed.strftime("%Y-%m"))
        waited = max(closed - row["created_at"], timedelta()) / timedelta(days=1) if closed else None
        assert fact["days_to_close"] == (None if waited is None else pytest.approx(waited))
        for name in ("amount", "currency", "campaign_id", "owner_id", "lost_reason"):
            assert fact[name] == row[name], name
    assert {(row["is_won"], row["is_open"]) for row in found.values()} == {(True, False), (False, False), (False, True)}


def test_an_account_holds_its_people_and_what_the_crm_says_of_it(rows, as_of):
    people = defaultdict(list)
    for row in rows("select * from intermediate.int_identity__persons"):
        people[row["account_id"]].append(row)
    merged = {
        (row["source_system"], row["loser_id"]): row["winner_id"]
        for row in rows("select * from intermediate.int_identity__crm_merges where object_type = 'account'")
    }
    told = last_saves(rows, "accounts", "account_id", as_of)
    of_crm = {}
    for row in rows("select * from intermediate.int_identity__crm_accounts"):
        key = (row["source_system"], row["crm_account_id"])
        of_crm.setdefault(row["account_id"], (key[0], merged.get(key, key[1])))
    found = {row["account_id"]: row for row in rows("select * from marts.dim_account")}
    assert found.keys() >= (people.keys() - {None}) | of_crm.keys()
    assert {account for account, row in found.items() if row["account_rule"] == "crm_account"} == of_crm.keys()
    for account, row in found.items():
        own = people[account]
        assert row["person_count"] == len(own)
        assert row["known_person_count"] == sum(not person["is_anonymous"] for person in own)
        assert row["has_competitor_person"] == any(person["is_competitor"] for person in own)
        assert row["first_seen_at"] == min((person["first_seen_at"] for person in own), default=None)
        if account in of_crm:
            system, live = of_crm[account]
            save = told.get((system, live), {})
            assert (row["crm_source_system"], row["crm_account_id"]) == (system, live)
            assert row["account_name"] == (save.get("name") or row["account_name"])
            for name in ("industry", "region", "employees", "annual_revenue"):
                assert row[name] == (save.get(name) or None), name
        else:
            assert row["crm_account_id"] is None
        assert row["parent_account_id"] != account
        assert (row["parent_account_id"] is None) == (row["parent_rule"] is None)
    assert {row["account_rule"] for row in found.values()} == {"crm_account", "email_domain", "company_name"}
