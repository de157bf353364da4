"""What the tests of money share: seeds as they stand in the CSV files, exchange rates looked up one by one, tables as rows.

What belongs here: reading. What does not: any counting. Nothing here copies the SQL of a model.
"""

import csv
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
