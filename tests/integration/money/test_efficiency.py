"""Efficiency a second time: costs, passes and purchases walked through one by one."""

from collections import Counter, defaultdict
from datetime import datetime, time
from decimal import Decimal

import pytest

from tests.integration.money.conftest import STEPS, converted, month


def expected_cells(view, passes, costs, purchases, rows):
    cells = defaultdict(Counter)
    for cost in costs:
        cells[cost["month"], cost["side"], cost["channel"]]["cost_amount"] += cost["reporting_amount"]
    for cycle in passes:
        for step, at in cycle["steps"].items():
            own = month(cycle["began_at"] if view == "cohort" else at)
            cells[own, cycle["side"], cycle["channel"]][f"{step}_count"] += 1
    if view == "same_month":
        for credit in rows("select * from marts.mart_attribution where target_type = 'revenue' and model = 'linear'"):
            side = "acquisition" if credit["track"] == "acquisition" else "retention"
            cells[month(credit["ended_at"]), side, credit["channel"]]["revenue_amount"] += credit["credit_amount"]
    else:
        for at, _, person, side, amount, _ in purchases:
            own = [c for c in passes if c["person"] == person and c["side"] == side and c["began_at"] <= at]
            newest = max(own, key=lambda cycle: cycle["began_at"], default=None)
            where = (month(newest["began_at"]), side, newest["channel"]) if newest else (month(at), side, "unmapped")
            cells[where]["revenue_amount"] += amount
    return cells


@pytest.mark.parametrize("view", ["same_month", "cohort"])
def test_every_cell_is_that_of_a_plain_count(rows, passes, costs, purchases, view):
    expected = expected_cells(view, passes, costs, purchases, rows)
    found = {
        (row["month"], row["side"], row["channel"]): row
        for row in rows(f"select * from marts.mart_channel_efficiency where view_type = '{view}'")
    }
    assert found.keys() == expected.keys()
    for key, cell in expected.items():
        row = found[key]
        for name in ("cost_amount", "revenue_amount", *(f"{step}_count" for step in STEPS)):
            assert row[name] == cell[name], (key, name)
        for step in STEPS:
            count = cell[f"{step}_count"]
            assert row[f"cost_per_{step}"] == (pytest.approx(float(cell["cost_amount"]) / count) if count else None)
        cost, revenue = float(cell["cost_amount"]), float(cell["revenue_amount"])
        assert row["roi"] == (pytest.approx((revenue - cost) / cost) if cost else None)


def test_a_cohort_pays_back_with_the_purchase_that_covers_its_costs(rows, passes, costs, purchases):
    spent, bought = Counter(), defaultdict(list)
    for cost in costs:
        spent[cost["month"], cost["side"], cost["channel"]] += cost["reporting_amount"]
    for at, key, person, side, amount, _ in purchases:
        own = [c for c in passes if c["person"] == person and c["side"] == side and c["began_at"] <= at]
        newest = max(own, key=lambda cycle: cycle["began_at"], default=None)
        if newest:
            bought[month(newest["began_at"]), side, newest["channel"]].append((at, key, amount))
    days = {}
    for cell, cost in spent.items():
        earned = Decimal(0)
        for at, _, amount in sorted(bought[cell]):
            earned += amount
            if earned >= cost:
                days[cell] = (at - datetime.fromisoformat(f"{cell[0]}-01")).total_seconds() / 86400
                break
    found = {
        (row["month"], row["side"], row["channel"]): row["payback_days"]
        for row in rows("select * from marts.mart_channel_efficiency where payback_days is not null")
    }
    assert found == pytest.approx(days)
    assert days


def test_campaigns_hold_all_costs_all_passes_and_all_credits(rows, passes, costs):
    expected = defaultdict(Counter)
    bought = defaultdict(set)
    for cost in costs:
        expected[cost["campaign_id"]]["cost_amount"] += cost["reporting_amount"]
        expected[cost["campaign_id"]][f"{cost['side']}_cost_amount"] += cost["reporting_amount"]
    for cycle in passes:
        if cycle["side"] == "acquisition":
            for step in cycle["steps"]:
                expected[cycle["campaign"]][f"{step}_count"] += 1
    for credit in rows("select * from marts.mart_attribution where model = 'linear' and credit_amount is not null"):
        campaign, kind = credit["campaign_id"], credit["target_type"]
        expected[campaign][f"{kind}_amount"] += credit["credit_amount"]
        if kind == "revenue":
            bought[campaign].add(credit["source_id"])
            if credit["track"] == "acquisition":
                expected[campaign]["acquisition_revenue_amount"] += credit["credit_amount"]
    found = {row["campaign_id"]: row for row in rows("select * from marts.mart_campaign_roi")}
    assert expected.keys() <= found.keys()
    amounts = ("cost_amount", "acquisition_cost_amount", "retention_cost_amount", "revenue_amount", "pipeline_amount")
    for campaign, row in found.items():
        for name in (*amounts, "acquisition_revenue_amount", *(f"{step}_count" for step in STEPS)):
            assert row[name] == expected[campaign][name], (campaign, name)
        assert row["influenced_purchase_count"] == len(bought[campaign])
    assert found["unknown"]["cost_amount"] > 0
    assert any(row["retention_cost_amount"] for row in found.values())
    assert max(map(len, bought.values())) > 1


def test_a_campaign_s_rates_are_its_sums_divided(rows, costs):
    budgets = {
        row["campaign_id"]: converted(row["budget_amount"], row["currency"], row["starts_on"])
        for row in rows("select * from staging.stg_crm__campaigns where budget_amount is not null")
    }
    judged = Counter()
    for row in rows("select * from marts.mart_campaign_roi"):
        spent = [cost for cost in costs if cost["campaign_id"] == row["campaign_id"]]
        cost, won = float(sum(c["reporting_amount"] for c in spent)), float(row["revenue_amount"])
        acquiring = float(sum(c["reporting_amount"] for c in spent if c["side"] == "acquisition"))
        budget = budgets.get(row["campaign_id"])
        expected = {
            "roi": (won - cost) / cost if cost else None,
            "share_of_budget": cost / float(budget) if spent and budget else None,
            **{
                f"cost_per_{step}": acquiring / row[f"{step}_count"] if row[f"{step}_count"] else None for step in STEPS
            },
        }
        for name, value in expected.items():
            assert row[name] == (None if value is None else pytest.approx(value)), (row["campaign_id"], name)
            judged[name] += value is not None
        assert row["first_cost_on"] == min((c["cost_on"] for c in spent), default=None)
        assert row["last_cost_on"] == max((c["cost_on"] for c in spent), default=None)
    assert len(judged) == 2 + len(STEPS)
    assert all(judged.values())


def test_a_campaign_pays_back_with_the_purchase_that_covers_its_costs(rows, costs):
    spent, since = Counter(), {}
    for cost in costs:
        campaign = cost["campaign_id"]
        spent[campaign] += cost["reporting_amount"]
        since[campaign] = min(since.get(campaign, cost["cost_on"]), cost["cost_on"])
    earnings = rows("select * from marts.mart_attribution where model = 'linear' and target_type = 'revenue'")
    days, earned = {}, Counter()
    for credit in sorted(earnings, key=lambda row: row["ended_at"]):
        campaign = credit["campaign_id"]
        earned[campaign] += credit["credit_amount"]
        if campaign in spent and campaign not in days and earned[campaign] >= spent[campaign]:
            begun = datetime.combine(since[campaign], time())
            days[campaign] = (credit["ended_at"] - begun).total_seconds() / 86400
    found = {
        row["campaign_id"]: row["payback_days"]
        for row in rows("select * from marts.mart_campaign_roi where payback_days is not null")
    }
    assert found == pytest.approx(days)
    assert days


def test_no_sum_loses_or_makes_a_cent(rows):
    (ledger,) = rows("select sum(reporting_amount) as cost from marts.fct_cost")
    (won,) = rows("select sum(reporting_amount) as revenue from intermediate.int_finance__revenue")
    for view in rows(
        "select sum(cost_amount) as cost, sum(revenue_amount) as revenue from marts.mart_channel_efficiency group by view_type"
    ) + rows("select sum(cost_amount) as cost, sum(revenue_amount) as revenue from marts.mart_campaign_roi"):
        assert view == ledger | won
