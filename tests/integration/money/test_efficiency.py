"""Efficiency a second time: costs, passes and purchases walked through one by one."""

from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal

import pytest

from tests.integration.money.conftest import seed

STEPS = ("lead", "mql", "sql", "opportunity", "customer")
SIDES = {row["purpose"]: row["side"] for row in seed("finance/cost_purposes")}
STAGE = {row["step"]: row["stage"] for row in seed("targets/funnel_steps")}
RANK = {row["stage"]: int(row["stage_rank"]) for row in seed("lifecycle/stages")}


def month(at):
    return at.strftime("%Y-%m")


@pytest.fixture(scope="module")
def passes(rows):
    """Per person, track and cycle: side, channel, campaign, and when each stage was reached, skipped ones at the skip."""
    found = {}
    order = sorted(RANK, key=RANK.get)
    for move in rows("select * from marts.fct_lifecycle_transition order by entered_at"):
        cycle = found.setdefault(
            (move["person_id"], move["track"], move["cycle_number"]),
            {
                "person": move["person_id"],
                "side": "acquisition" if move["track"] == "acquisition" else "retention",
                "channel": move["channel"],
                "campaign": move["campaign_id"],
                "reached": {},
            },
        )
        position = order.index(move["stage"])
        if move["track"] == "acquisition" and move["previous_stage"] is None:
            # the first trace of somebody: every step below it is behind them
            for stage in STAGE.values():
                if RANK[stage] < RANK[move["stage"]]:
                    cycle["reached"].setdefault(stage, move["entered_at"])
        for stage in order[position - move["skipped_stages"] : position + 1]:
            cycle["reached"].setdefault(stage, move["entered_at"])
    kept = []
    for cycle in found.values():
        counted = [at for stage, at in cycle["reached"].items() if RANK[stage] >= RANK[STAGE["lead"]]]
        if counted:
            cycle["began_at"] = min(counted)
            cycle["steps"] = {step: cycle["reached"][STAGE[step]] for step in STEPS if STAGE[step] in cycle["reached"]}
            if cycle["steps"]:
                kept.append(cycle)
    return kept


@pytest.fixture(scope="module")
def costs(rows):
    return rows("select *, cost_on as day from marts.fct_cost")


@pytest.fixture(scope="module")
def purchases(rows):
    """Everything won, with its party's number of the purchase."""
    bought = [
        (row["closed_at"], row["opportunity_record_id"], row["account_id"], row["person_id"], row["reporting_amount"])
        for row in rows(
            "select * from marts.fct_opportunity inner join intermediate.int_finance__opportunity_amounts using (opportunity_record_id) where is_won"
        )
    ] + [
        (row["ordered_at"], row["order_record_id"], row["account_id"], row["person_id"], row["reporting_amount"])
        for row in rows("select * from marts.fct_order where not has_opportunity")
    ]
    seen = Counter()
    out = []
    for at, key, account, person, amount in sorted(bought, key=lambda row: row[:2]):
        party = account or person or key
        seen[party] += 1
        out.append((at, key, person, "acquisition" if seen[party] == 1 else "retention", amount or Decimal(0)))
    return out


def expected_cells(view, passes, costs, purchases, rows):
    cells = defaultdict(Counter)
    for cost in costs:
        side = SIDES.get(cost["purpose"], SIDES["*"])
        cells[cost["month"], side, cost["channel"]]["cost_amount"] += cost["reporting_amount"]
    for cycle in passes:
        for step, at in cycle["steps"].items():
            own = month(cycle["began_at"] if view == "cohort" else at)
            cells[own, cycle["side"], cycle["channel"]][f"{step}_count"] += 1
    if view == "same_month":
        for credit in rows("select * from marts.mart_attribution where target_type = 'revenue' and model = 'linear'"):
            side = "acquisition" if credit["track"] == "acquisition" else "retention"
            cells[month(credit["ended_at"]), side, credit["channel"]]["revenue_amount"] += credit["credit_amount"]
    else:
        for at, _, person, side, amount in purchases:
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
        spent[cost["month"], SIDES.get(cost["purpose"], SIDES["*"]), cost["channel"]] += cost["reporting_amount"]
    for at, key, person, side, amount in purchases:
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
    for cost in costs:
        expected[cost["campaign_id"]]["cost_amount"] += cost["reporting_amount"]
    for cycle in passes:
        if cycle["side"] == "acquisition":
            for step in cycle["steps"]:
                expected[cycle["campaign"]][f"{step}_count"] += 1
    for credit in rows("select * from marts.mart_attribution where model = 'linear' and credit_amount is not null"):
        expected[credit["campaign_id"]][f"{credit['target_type']}_amount"] += credit["credit_amount"]
    found = {row["campaign_id"]: row for row in rows("select * from marts.mart_campaign_roi")}
    assert expected.keys() <= found.keys()
    for campaign, row in found.items():
        for name in ("cost_amount", "revenue_amount", "pipeline_amount", *(f"{step}_count" for step in STEPS)):
            assert row[name] == expected[campaign][name], (campaign, name)
    assert found["unknown"]["cost_amount"] > 0


def test_no_sum_loses_or_makes_a_cent(rows):
    (ledger,) = rows("select sum(reporting_amount) as cost from marts.fct_cost")
    (won,) = rows("select sum(reporting_amount) as revenue from intermediate.int_finance__revenue")
    for view in rows(
        "select sum(cost_amount) as cost, sum(revenue_amount) as revenue from marts.mart_channel_efficiency group by view_type"
    ) + rows("select sum(cost_amount) as cost, sum(revenue_amount) as revenue from marts.mart_campaign_roi"):
        assert view == ledger | won
