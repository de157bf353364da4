"""Sums over months and periods, worked out by hand."""

import pandas as pd
import pytest

from orchestration.dashboard.figures import entered_by_stage, moves, period_before
from orchestration.dashboard.filters import Filters


def _volume():
    zero = {"reentered_count": 0, "passed_count": 0, "returned_count": 0, "parked_count": 0, "dormant_count": 0}
    months = (
        {"month": "2026-01", "opening_count": 3, "entered_count": 4, "exited_count": 1, "closing_count": 6},
        {"month": "2026-02", "opening_count": 6, "entered_count": 0, "exited_count": 2, "closing_count": 4},
    )
    late = {"month": "2026-02", "opening_count": 0, "entered_count": 5, "exited_count": 0, "closing_count": 5}
    return pd.DataFrame(
        [
            *({"stage": "mql", "stage_rank": 6, **zero, **row} for row in months),
            {"stage": "sql", "stage_rank": 7, **zero, **late},
        ]
    )


def test_moves_are_summed_and_stocks_are_those_of_the_ends():
    told = moves(_volume()).set_index("stage")
    columns = ["opening_count", "entered_count", "exited_count", "closing_count", "change"]
    assert told.loc["mql", columns].tolist() == [3, 4, 3, 4, 1]
    # Nobody stood in a stage that the first month has no row of.
    assert told.loc["sql", columns].tolist() == [0, 5, 0, 5, 5]


def test_no_rows_are_not_nobody():
    assert entered_by_stage(_volume()) == {"mql": 4, "sql": 5}
    assert entered_by_stage(_volume().head(0)) == {}


@pytest.mark.parametrize(
    ("period", "before"),
    [
        (("2026-01", "2026-01"), ("2025-12", "2025-12")),
        (("2025-07", "2026-06"), ("2024-07", "2025-06")),
        (("2026-02", "2026-04"), ("2025-11", "2026-01")),
    ],
)
def test_the_period_before_is_as_long(period, before):
    assert period_before(*period) == before


def test_one_segment_is_followed_at_a_time():
    assert Filters("2026-01", "2026-02").segment == ("all", "all")
    assert Filters("2026-01", "2026-02", region="West", industry="energy").segment == ("region", "West")
