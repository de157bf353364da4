"""Routing counted a second time: the business clock by a plain loop over local days, assignments by a walk along each person's facts.

The loops read the seeds' CSV files and the facts of the warehouse; no model of routing is asked for anything but its result.
"""

import csv
import math
from bisect import bisect_right
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.money.conftest import converted
from tests.integration.rebuild import copy_tables, rebuild

FOREVER = datetime(9999, 1, 1)
SEEDS = Path(__file__).resolve().parents[3] / "seeds" / "routing"


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ZONES = {row["calendar"]: ZoneInfo(row["time_zone"]) for row in seed("calendars")}
HOURS = defaultdict(list)
for row in seed("working_hours"):
    HOURS[row["calendar"], int(row["iso_day_of_week"])].append((float(row["opens_hour"]), float(row["closes_hour"])))
HOLIDAYS = {(row["calendar"], date.fromisoformat(row["day"])) for row in seed("holidays")}
REGIONS = {row["region"]: row["calendar"] for row in seed("region_calendars")}


def business_hours(calendar: str, begin: datetime, end: datetime) -> float:
    """Walk from local day to local day and add up what each stretch of work has in common with the interval."""
    zone = ZONES[calendar]
    day = begin.replace(tzinfo=UTC).astimezone(zone).date() - timedelta(days=1)
    worked = timedelta()
    while day <= end.replace(tzinfo=UTC).astimezone(zone).date():
        if (calendar, day) not in HOLIDAYS:
            for opens, closes in HOURS[calendar, day.isoweekday()]:
                midnight = datetime(day.year, day.month, day.day)
                first, last = (
                    (midnight + timedelta(hours=hour)).replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
                    for hour in (opens, closes)
                )
                worked += max(timedelta(), min(end, last) - max(begin, first))
        day += timedelta(days=1)
    return worked / timedelta(hours=1)


@pytest.fixture(scope="module")
def clock(warehouse_home, warehouse):
    """A function from intervals to hours: the model's own SQL on assignments made up here."""
    (model,) = warehouse_home.dbt_target_dir.glob("compiled/**/routing/int_routing__clock_readings.sql")
    own = duckdb.connect()
    own.execute("set TimeZone = 'UTC'")
    own.execute("attach ':memory:' as warehouse")
    for schema in ("intermediate", "seeds", "ops"):
        own.execute(f"create schema warehouse.{schema}")
    for table in ("intermediate.int_routing__working_spans", "seeds.region_calendars"):
        own.register("copied", warehouse.sql(f"select * from {table}").arrow())
        own.execute(f"create table warehouse.{table} as select * from copied")

    def read(as_of: datetime, intervals: list[tuple[str, datetime, datetime]]) -> list[tuple[float, float]]:
        own.execute("create or replace table warehouse.ops.as_of as select cast(? as timestamp) as as_of", [as_of])
        own.execute(
            """
            create or replace table warehouse.intermediate.int_routing__assignments (
                assignment_id varchar, region varchar, assigned_at timestamp, answered_at timestamp, decided_at timestamp,
                is_to_pool boolean
            )
            """
        )
        own.executemany(
            "insert into warehouse.intermediate.int_routing__assignments values (?, ?, ?, ?, null, false)",
            [(f"{number:06d}", region, begin, end) for number, (region, begin, end) in enumerate(intervals)],
        )
        found = own.execute(model.read_text(encoding="utf-8")).df().sort_values("assignment_id")
        return list(zip(found["response_hours"], found["elapsed_hours"], strict=True))

    yield read
    own.close()


@pytest.fixture(scope="module")
def bounds(warehouse):
    first, last = warehouse.sql(
        "select min(day), max(case when is_elapsed then day end) from marts.dim_date"
    ).fetchone()
    return datetime(first.year, first.month, first.day), datetime(last.year, last.month, last.day)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_business_clock_equals_a_plain_loop_on_random_intervals(clock, bounds, data):
    moments = st.datetimes(*bounds)
    ends = st.tuples(moments, moments).map(sorted)
    drawn = data.draw(
        st.lists(st.tuples(st.sampled_from([*REGIONS, "a region without a row"]), ends), min_size=1, max_size=12)
    )
    intervals = [(region, begin, end) for region, (begin, end) in drawn]
    as_of = bounds[1] + timedelta(days=1)
    for (region, begin, end), (response, elapsed) in zip(intervals, clock(as_of, intervals), strict=True):
        calendar = REGIONS.get(region, REGIONS["*"])
        assert response == pytest.approx(business_hours(calendar, begin, end), abs=2e-6)
        assert elapsed == pytest.approx(business_hours(calendar, begin, as_of), abs=2e-6)


def test_the_clock_changes_with_summer_time_and_stands_still_on_holidays(clock):
    cases = [
        # Friday noon to Monday noon over the night on which clocks go forward: 12:00 to 15:00 and 8:30 to 12:00, local
        ("Bayern", datetime(2026, 3, 27, 11), datetime(2026, 3, 30, 10), 3.0 + 3.5),
        # the week of National Day, with the break at noon
        ("华东", datetime(2025, 9, 30, 9), datetime(2025, 10, 9, 2), 1.0 + 1.0),
    ]
    found = clock(datetime(2026, 6, 1), [case[:3] for case in cases])
    assert [response for response, _ in found] == pytest.approx([case[3] for case in cases], abs=1e-6)


@pytest.fixture(scope="module")
def assignments(warehouse):
    return warehouse.sql("select * from marts.fct_assignment order by person_id, assigned_at, assignment_id").df()


def day_end(at: datetime, *, is_date_only: bool) -> datetime:
    return at + timedelta(days=0.999999) if is_date_only else at


def handed_over_by_submission(warehouse) -> list[tuple]:
    """What somebody sent that hands them over by itself: at once, or when the gate of its route is complete."""
    returns = defaultdict(list)
    for person, at in warehouse.sql(
        "select person_id, occurred_at from intermediate.int_lifecycle__returns"
    ).fetchall():
        returns[person].append(at)
    complete = {
        (person, gate): at
        for person, gate, at in warehouse.sql(
            "select person_id, gate, complete_at from intermediate.int_scoring__gate_times where complete_at is not null"
        ).fetchall()
    }
    found = []
    for person, sent, record, route, team, signal, gate, reentry in warehouse.sql(
        "select person_id, occurred_at, record_id, route, assign_to, signal, gate, reentry from intermediate.int_lifecycle__submissions"
    ).fetchall():
        if gate == "none":
            at = sent
        elif signal and (person, gate) in complete:
            at = max(sent, complete[person, gate])
        else:
            # nobody is handed over by what has no signal and waits for a gate: the score does it
            continue
        used_up = any(sent <= one < at for one in returns[person])
        by_score = signal and reentry == "score" and any(one < sent for one in returns[person])
        if not used_up and not by_score:
            found.append((person, at, record, route, team))
    return found


def routing_facts(warehouse) -> dict[str, list[tuple]]:
    """What may hand each person over and what decides: (when, phase, to pool, record, cause, at, route, team)."""
    decisions = {row["signal"]: row["decision"] for row in seed("decisions")}
    handovers = {row["signal"]: row for row in seed("handovers")}
    routes = sorted(seed("routes"), key=lambda row: int(row["priority"]))
    teams = {row["route"]: row["assign_to"] for row in reversed(routes)}
    out = defaultdict(list)
    for person, began_at, ended_at in warehouse.sql(
        "select person_id, began_at, ended_at from marts.fct_lifecycle_status where status = 'disqualified'"
    ).fetchall():
        out[person].append((began_at, ended_at or FOREVER))
    facts = defaultdict(list)
    for person, at, record, route, team in handed_over_by_submission(warehouse):
        if not any(began <= at < ended for began, ended in out[person]):
            facts[person].append((at, 1, False, record, "submission", at, route, team))
    for person, at, record, signal, route, is_date_only in warehouse.sql(
        "select person_id, entered_at, record_id, signal, route, is_date_only from marts.fct_lifecycle_transition"
    ).fetchall():
        if signal in handovers:
            rule = handovers[signal]
            own = route or routes[-1]["route"]
            to_pool = rule["is_to_pool"] == "true"
            row = (to_pool, record, signal, at, rule["route"] or own, rule["assign_to"] or teams[own])
            facts[person].append((day_end(at, is_date_only=is_date_only), 1, *row))
    for person, at, record, signal, is_date_only in warehouse.sql(
        """
        select person_id, occurred_at, record_id, signal, is_date_only from intermediate.int_lifecycle__crm_signals
        where not is_held_by_open_opportunity
        """
    ).fetchall():
        if signal in decisions:
            facts[person].append(
                (day_end(at, is_date_only=is_date_only), 0, False, record, decisions[signal], at, None, None)
            )
    return facts


def walk(warehouse) -> list[tuple[str, datetime, str, str, int, str | None]]:
    """Open, join and close assignments person by person, one fact after the other."""
    found = []
    for person, happened in routing_facts(warehouse).items():
        open_one = None
        for _, phase, to_pool, _, cause, at, route, team in sorted(happened, key=lambda fact: fact[:5]):
            if phase == 0:
                if open_one and open_one[4] != "pool":
                    open_one[5] = cause
                    open_one = None
                continue
            if open_one and open_one[4] != "pool" and not to_pool:
                open_one[3] += 1
                continue
            open_one = [person, at, route, 1, team, None]
            found.append(open_one)
    return [(person, at, route, team, count, decision) for person, at, route, count, team, decision in found]


def test_assignments_are_those_of_a_walk_along_each_person(warehouse, assignments):
    decision = assignments["state"].where(assignments["state"].isin(["accepted", "rejected"]), None)
    found = Counter(
        zip(
            assignments["person_id"],
            [moment.to_pydatetime() for moment in assignments["assigned_at"]],
            assignments["route"],
            assignments["assign_to"],
            assignments["request_count"],
            decision,
            strict=True,
        )
    )
    expected = Counter(walk(warehouse))
    assert found == expected
    assert set(assignments["route"]) == {"direct", "nurture", "telemarketing", "sales_sourced", "partner", "returned"}
    assert (assignments["request_count"] > 1).any()


@pytest.mark.parametrize("gate", ["reachable", "full"])
def test_with_a_gate_on_the_direct_routes_a_request_is_assigned_once_the_gate_is_complete(
    warehouse_home, warehouse, gate
):
    models = [
        "int_lifecycle__direct_requests",
        "int_lifecycle__computed_signals",
        "int_routing__chains",
        "int_routing__assignments",
    ]

    def change(own):
        own.execute(
            "update warehouse.intermediate.int_lifecycle__submissions set gate = ? where signal is not null", [gate]
        )
        # what only the walk reads
        tables = ("int_lifecycle__crm_signals", "int_lifecycle__returns", "int_scoring__gate_times")
        copy_tables(own, warehouse, (f"intermediate.{table}" for table in tables))

    with rebuild(warehouse_home, warehouse, models, change) as own:
        expected = Counter(walk(own))
        found = Counter(
            own.sql(
                """
                select person_id, assigned_at, route, assign_to, request_count, decision
                from intermediate.int_routing__assignments
                """
            ).fetchall()
        )
        sent = dict(own.sql("select record_id, occurred_at from intermediate.int_lifecycle__submissions").fetchall())
        waited = own.sql(
            "select record_id, assigned_at from intermediate.int_routing__assignments where route = 'direct'"
        ).fetchall()
    assert found == expected
    assert waited
    # the full gate makes some wait; the reachable one is complete when a form is sent
    assert any(at > sent[record] for record, at in waited) == (gate == "full")


def test_whom_telemarketing_sales_or_a_partner_brings_is_handed_over_when_the_lead_is_created(warehouse, assignments):
    teams = {"telemarketing": "sdr", "sales_sourced": "sales", "partner": "partner"}
    leads = warehouse.sql(
        """
        select persons.person_id, leads.record_id, leads.created_at, lower(leads.lead_source)
        from staging.stg_crm__leads as leads join intermediate.int_identity__record_persons as persons using (record_id)
        where not coalesce(leads.is_deleted, false)
        """
    ).fetchall()
    brought = Counter()
    for person, record, created_at, source in leads:
        if source not in teams:
            continue
        own = assignments[assignments["record_id"] == record]
        if own.empty:
            # somebody had them already
            open_then = assignments[(assignments["person_id"] == person) & (assignments["assigned_at"] <= created_at)]
            assert (open_then["last_requested_at"] >= created_at).any(), record
            continue
        (row,) = own.itertuples()
        assert (row.route, row.assign_to, row.assigned_at) == (source, teams[source], pd.Timestamp(created_at))
        assert not row.is_requested
        brought[source] += 1
    assert brought.keys() == teams.keys()


def test_the_clock_of_every_assignment_equals_the_plain_loop(assignments, warehouse):
    (as_of,) = warehouse.sql("select as_of from ops.as_of").fetchone()
    judged = assignments[assignments["assign_to"] != "pool"]
    for row in judged.itertuples():
        calendar = REGIONS.get(row.region, REGIONS["*"])
        assert row.calendar == calendar
        begin = row.assigned_at.to_pydatetime()
        if pd.notna(row.answered_at):
            hours = business_hours(calendar, begin, row.answered_at.to_pydatetime())
            assert row.response_hours == pytest.approx(hours, abs=2e-6)
            assert row.is_sla_breached == (round(hours, 6) > row.sla_hours)
        elif pd.isna(row.next_assigned_at):
            assert row.waiting_hours == pytest.approx(business_hours(calendar, begin, as_of), abs=2e-6)
        assert business_hours(calendar, begin, row.due_at.to_pydatetime()) == pytest.approx(row.sla_hours, abs=1e-5)
        # not a minute longer than needed
        earlier = business_hours(calendar, begin, row.due_at.to_pydatetime() - timedelta(minutes=1))
        assert earlier < row.sla_hours - 1e-3
    assert len(judged) > 50


def test_the_owner_is_whom_the_first_fitting_rule_names(warehouse, assignments):
    domains = dict(warehouse.sql("select account_id, domain from marts.dim_account").fetchall())
    requested = dict(
        warehouse.sql("select record_id, requested_owner_id from staging.stg_forms__submissions").fetchall()
    )
    rules = sorted(seed("owner_rules"), key=lambda row: int(row["priority"]))
    with (SEEDS.parent / "lifecycle" / "stages.csv").open(encoding="utf-8", newline="") as file:
        last_stage = max(csv.DictReader(file), key=lambda row: int(row["stage_rank"]))["stage"]
    bought = defaultdict(list)
    for account, entered_at, exited_at in warehouse.execute(
        "select account_id, entered_at, exited_at from marts.fct_account_stage where stage = ?", [last_stage]
    ).fetchall():
        bought[account].append((entered_at, exited_at or FOREVER))
    deals = defaultdict(list)
    for account, closed_at, owner in warehouse.sql(
        "select account_id, closed_at, owner_id from marts.fct_opportunity where is_won and owner_id is not null"
    ).fetchall():
        deals[account].append((closed_at, owner))
    sources = Counter()
    for row in assignments[assignments["assign_to"] != "pool"].itertuples():
        facts = {
            "account_domain": domains.get(row.account_id),
            "region": row.region,
            "industry": row.industry,
            "company_size": row.company_size,
        }
        at = row.assigned_at.to_pydatetime()
        facts["is_customer_account"] = str(any(begin <= at < end for begin, end in bought[row.account_id])).lower()
        won = max((deal for deal in deals[row.account_id] if deal[0] <= at), default=(None, None))
        for rule in rules:
            named = {"requested": requested.get(row.record_id), "account": won[1], "fixed": rule["owner_id"]}
            owner = named[rule["owner_source"]]
            fits = rule["assign_to"] in {"*", row.assign_to} and all(
                not rule[name] or rule[name] == value for name, value in facts.items()
            )
            if fits and owner:
                assert (row.owner_id, row.owner_rule_priority) == (owner, int(rule["priority"]))
                sources[rule["owner_source"]] += 1
                break
        else:
            pytest.fail(f"no rule fits {row}")
    assert sources.keys() == {"requested", "account", "fixed"}


def test_whoever_came_back_needs_a_new_engagement(warehouse, assignments):
    """After a return to the pool only a new engagement or a new direct request leads to the next assignment."""
    engaged = defaultdict(list)
    for person, at in warehouse.sql(
        "select person_id, occurred_at from marts.fct_interaction where direction = 'inbound' order by occurred_at"
    ).fetchall():
        engaged[person].append(at)
    pool = assignments[(assignments["assign_to"] == "pool") & assignments["next_assigned_at"].notna()]
    for row in pool.itertuples():
        times = engaged[row.person_id]
        after = times[bisect_right(times, row.assigned_at.to_pydatetime()) :]
        follower = assignments[
            (assignments["person_id"] == row.person_id) & (assignments["assigned_at"] == row.next_assigned_at)
        ].iloc[0]
        if follower["cause"] in {"submission", "score_reached"}:
            assert after
            assert after[0] <= row.next_assigned_at.to_pydatetime()
    assert len(pool) > 0


def test_the_queue_holds_what_is_open_in_the_order_of_urgency(warehouse, assignments):
    queue = warehouse.sql("select * from marts.mart_routing_queue order by queue_position").df()
    out = set(
        warehouse.sql(
            "select person_id from marts.fct_lifecycle_status where status = 'disqualified' and is_open"
        ).df()["person_id"]
    )
    rows = assignments[~assignments["person_id"].isin(out)]
    steps = {
        "first_touch": rows[rows["state"] == "waiting"],
        "decision": rows[(rows["state"] == "answered") & rows["is_decision_due"]],
        "new_engagement": rows[rows["state"] == "in_pool"],
    }
    for step, expected in steps.items():
        assert set(queue.loc[queue["next_step"] == step, "assignment_id"]) == set(expected["assignment_id"])
    order = [list(steps).index(step) for step in queue["next_step"]]
    assert order == sorted(order)
    assert queue.loc[queue["next_step"] == "first_touch", "due_at"].is_monotonic_increasing
    assert list(queue["queue_position"]) == list(range(1, len(queue) + 1))


def wilson(successes: int, trials: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Solve (p - share)^2 = z^2 p (1 - p) / n for p, which is what Wilson's interval is."""
    share = successes / trials
    roots = np.roots([1 + z * z / trials, -(2 * share + z * z / trials), share * share])
    return max(0.0, min(roots.real)), min(1.0, max(roots.real))


def test_performance_equals_pandas_on_the_assignments(warehouse, assignments):
    won = {row[0] for row in won_by(warehouse, assignments).values()}
    rows = assignments[assignments["assign_to"] != "pool"].copy()
    rows["all"] = "all"
    rows["owner"] = rows["handled_by"].fillna(rows["owner_id"])
    edges = [(float(row["min_hours"]), row["bucket"]) for row in seed("response_buckets")]
    starts = [edge for edge, _ in edges]
    rows["bucket"] = [
        "unanswered" if math.isnan(hours) else edges[bisect_right(starts, hours) - 1][1]
        for hours in rows["response_hours"]
    ]
    rows["reason"] = rows["decision_reason"].fillna("not given").where(rows["state"] == "rejected")
    columns = {"all": "all", "route": "route", "team": "assign_to", "region": "region"}
    columns |= {"response_time": "bucket", "rejection_reason": "reason"}
    expected = {}
    for segment_type, column in columns.items():
        for owner_type, owner_column in {"owner": "owner", "all": "all"}.items():
            for period_column in ("assigned_month", "all") if owner_type == "all" else ("all",):
                for key, group in rows.groupby([period_column, owner_column, column]):
                    decided = group["state"].isin(["accepted", "rejected"]).sum()
                    accepted = (group["state"] == "accepted").sum()
                    wins = group["assignment_id"].isin(won).sum()
                    judged = group["is_sla_breached"].dropna()
                    hours = group["response_hours"].dropna()
                    low, high = wilson(accepted, decided) if decided else (math.nan, math.nan)
                    expected[(key[0], owner_type, key[1], segment_type, key[2])] = (
                        len(group),
                        group["first_touched_at"].notna().sum(),
                        decided,
                        accepted,
                        wins,
                        low,
                        high,
                        *wilson(wins, len(group)),
                        (~judged.astype(bool)).sum(),
                        *((hours.median(), hours.quantile(0.9), hours.mean()) if len(hours) else [math.nan] * 3),
                    )
    found = warehouse.sql(
        """
        select period, owner_type, owner_id, segment_type, segment_value, assigned_count, touched_count, decided_count, accepted_count,
            won_count, accept_rate_low, accept_rate_high, win_rate_low, win_rate_high, sla_met_count, median_response_hours,
            p90_response_hours, mean_response_hours
        from marts.mart_sdr_performance
        where period_type = 'all' or owner_type = 'all'
        """
    ).fetchall()
    found = {row[:5]: [math.nan if value is None else value for value in row[5:]] for row in found}
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert found[key] == pytest.approx(list(values), abs=2e-6, nan_ok=True), key


def won_by(warehouse, assignments):
    """The assignment of every won deal, and its team and route."""
    deals = warehouse.sql("select * from marts.fct_opportunity where is_won").fetchdf()
    found = {}
    for deal in deals.itertuples():
        mine = assignments[
            (assignments["person_id"] == deal.person_id)
            & (assignments["assign_to"] != "pool")
            & (assignments["assigned_at"] <= deal.closed_at)
            & (assignments["assigned_at"] < deal.created_at + timedelta(days=1))
        ].sort_values("assigned_at")
        last = mine.iloc[-1] if len(mine) else None
        found[deal.opportunity_record_id] = (
            None if last is None else last["assignment_id"],
            ("none", "none") if last is None else (last["assign_to"], last["route"]),
        )
    return found


def test_sourced_revenue_adds_up_to_everything_that_was_won(warehouse, assignments):
    """In the reporting currency at the day's rate, looked up in the seed: deals, and orders that close none."""
    sources = {deal: source for deal, (_, source) in won_by(warehouse, assignments).items()}
    wins = [
        (amount and converted(amount, currency, closed_at), sources[deal])
        for deal, amount, currency, closed_at in warehouse.sql(
            "select opportunity_record_id, amount, currency, closed_at from marts.fct_opportunity where is_won"
        ).fetchall()
    ]
    mine = assignments[assignments["assign_to"] != "pool"].sort_values("assigned_at")
    orders = warehouse.sql(
        "select person_id, ordered_at, amount, currency from marts.fct_order where not has_opportunity"
    ).fetchall()
    for person, ordered_at, amount, currency in orders:
        before = mine[(mine["person_id"] == person) & (mine["assigned_at"] < ordered_at + timedelta(days=1))]
        source = ("none", "none") if before.empty else (before.iloc[-1]["assign_to"], before.iloc[-1]["route"])
        wins.append((amount and converted(amount, currency, ordered_at), source))
    expected = defaultdict(lambda: [0, 0])
    for amount, source in wins:
        expected[source][0] += 1
        expected[source][1] += amount or 0
    found = warehouse.sql(
        """
        select team, route, won_count, won_amount, share_of_amount, currency, unconverted_count
        from marts.mart_sourced_revenue where period = 'all'
        """
    ).fetchall()
    assert {row[:2]: [row[2], row[3]] for row in found} == dict(expected)
    whole = sum(amount or 0 for amount, _ in wins)
    (revenue,) = warehouse.sql("select sum(reporting_amount) from intermediate.int_finance__revenue").fetchone()
    assert sum(row[3] for row in found) == whole == revenue
    assert sum(row[6] for row in found) == sum(amount is None for amount, _ in wins)
    for team, route, _, _, share, *_ in found:
        assert share == pytest.approx(float(expected[team, route][1] / whole), abs=1e-9)
    months = warehouse.sql(
        "select sum(won_amount) from marts.mart_sourced_revenue where period_type = 'month'"
    ).fetchone()
    assert months == (whole,)
    assert {row[5] for row in found} == {"USD"}
    assert orders
