"""What the tests of money share: seeds as they stand in the CSV files, exchange rates looked up one by one, tables as rows.

What belongs here: reading, and what several tests walk along: passes, purchases, employers. Nothing here copies the SQL of a model.
"""

import csv
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
import pytest

from orchestration.settings import PROJECT_ROOT

Row = dict[str, Any]
CENT = Decimal("0.01")


def seed(name: str) -> list[dict[str, str]]:
    """Return the rows of ``seeds/<name>.csv``."""
    with (PROJECT_ROOT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


RATES = seed("finance/exchange_rates")
STEPS = ("lead", "mql", "sql", "opportunity", "customer")
STAGE = {row["step"]: row["stage"] for row in seed("targets/funnel_steps")}
RANK = {row["stage"]: int(row["stage_rank"]) for row in seed("lifecycle/stages")}
SIDES = {row["purpose"]: row["side"] for row in seed("finance/cost_purposes")}


def month(at: date) -> str:
    """Return the month of a day or moment, as the marts write it."""
    return at.strftime("%Y-%m")


def converted(amount: Decimal | None, currency: str | None, day: date | datetime) -> Decimal | None:
    """Return the amount in the reporting currency at the newest rate of the day, to the cent; None without a rate."""
    day = day.date() if isinstance(day, datetime) else day
    rates = [
        row for row in RATES if row["currency"] == (currency or "").upper() and row["valid_from"] <= day.isoformat()
    ]
    if not rates or amount is None:
        return None
    exact = amount * Decimal(max(rates, key=lambda row: row["valid_from"])["rate"])
    up, even = (exact.quantize(CENT, rounding=way) for way in (ROUND_HALF_UP, ROUND_HALF_EVEN))
    # half a cent is a matter of the engine's floating point; none stands in the sample
    assert up == even, exact
    return up


@pytest.fixture(scope="session")
def rows(warehouse: duckdb.DuckDBPyConnection) -> Callable[[str], list[Row]]:
    """A function from a query to its rows as dictionaries."""

    def read(query: str) -> list[Row]:
        result = warehouse.execute(query)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    return read


@pytest.fixture(scope="session")
def as_of(warehouse: duckdb.DuckDBPyConnection) -> datetime:
    """The moment the night looks back from."""
    return warehouse.execute("select as_of from ops.as_of").fetchone()[0]


@pytest.fixture(scope="session")
def employer_at(rows: Callable[[str], list[Row]], as_of: datetime) -> Callable[[str, datetime], str | None]:
    """A function from a person and a moment to the account of that time, by the saves of leads and contacts in the CRM.

    The account of now is taken back over every later save that shows another one.
    """
    accounts = {
        (row["source_system"], row["crm_account_id"]): row["account_id"]
        for row in rows("select * from intermediate.int_identity__crm_accounts")
    }
    people = {row["record_id"]: row["person_id"] for row in rows("select * from marts.bridge_person_record")}
    now = {row["person_id"]: row["account_id"] for row in rows("select person_id, account_id from marts.dim_person")}
    moves: dict[str, dict[tuple[str, str], datetime]] = {}
    for table in ("leads", "contacts"):
        before: dict[str, str] = {}
        for save in rows(
            f"select * from raw.crm__{table} order by _arrived_at, _load_sequence, updated_at, _source_row"
        ):
            record, account = save["_record_id"], accounts.get((save["_source_system"], save["account_id"]))
            if account is None or save["is_deleted"] or save["updated_at"] > as_of:
                continue
            left = before.get(record, account)
            before[record] = account
            if left != account:
                told = moves.setdefault(people[record], {})
                told[left, account] = min(told.get((left, account), save["updated_at"]), save["updated_at"])
    # nobody of the sample moves to a parent or back, which would be none of these
    assert all(len(told) == 1 for told in moves.values())

    def look_up(person: str, at: datetime) -> str | None:
        for (left, _), moved_at in moves.get(person, {}).items():
            if at < moved_at:
                return left
        return now[person]

    return look_up


@pytest.fixture(scope="session")
def passes(rows: Callable[[str], list[Row]]) -> list[Row]:
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


@pytest.fixture(scope="session")
def costs(rows: Callable[[str], list[Row]]) -> list[Row]:
    """Every cost with what it was spent on."""
    found = rows("select * from marts.fct_cost")
    return [{**row, "side": SIDES.get(row["purpose"], SIDES["*"])} for row in found]


@pytest.fixture(scope="session")
def purchases(rows: Callable[[str], list[Row]]) -> list[tuple[Any, ...]]:
    """Everything won: (when, key, person, side, amount, party); a party's first purchase is its acquisition."""
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
        side = "acquisition" if seen[party] == 1 else "retention"
        out.append((at, key, person, side, amount or Decimal(0), party))
    return out
