"""Costs, orders and campaigns counted a second time, from what was delivered, in plain Python."""

from collections import defaultdict
from decimal import Decimal
from fnmatch import fnmatchcase

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
