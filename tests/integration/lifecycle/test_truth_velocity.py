"""The chart of velocity, month by month, against the sample company's known truth."""

import duckdb
import pandas as pd
import pytest

LADDER = ["awareness", "friend", "name", "engaged", "target", "mql", "sql", "opportunity", "customer"]


@pytest.fixture(scope="module")
def true_means(sample_truth_dir) -> pd.DataFrame:
    """Mean days and cases of each step by month of exit, from the planned stage entries alone."""
    entries = pd.read_parquet(sample_truth_dir / "stage_entries.parquet")
    entries = entries.sort_values(["true_person", "track", "entry_order"])
    after = entries.groupby(["true_person", "track"], sort=False)[["entered_at", "stage"]].shift(-1)
    rank = entries["stage"].map(LADDER.index)
    steps = entries.assign(to_stage=after["stage"], left_at=after["entered_at"])
    steps = steps[after["stage"].map(LADDER.index, na_action="ignore") == rank + 1]
    days = (steps["left_at"] - steps["entered_at"]).dt.total_seconds() / 86_400
    month = steps["left_at"].dt.strftime("%Y-%m")
    keys = [steps["track"], steps["stage"].rename("from_stage"), steps["to_stage"], month.rename("period")]
    return days.groupby(keys).agg(["mean", "size"])


@pytest.fixture(scope="module")
def found_means(warehouse: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    rows = warehouse.sql(
        """
        select track, from_stage, to_stage, period, mean_days as mean, n as size from marts.mart_stage_velocity
        where transition_kind = 'step' and month_basis = 'exit' and period_type = 'month' and segment_type = 'all'
        """
    ).df()
    return rows.set_index(["track", "from_stage", "to_stage", "period"])


def test_monthly_means_equal_the_truth(true_means, found_means):
    """A month equals the truth when it has the same cases and the same mean; a stage entry that was missed shifts its month."""
    both = true_means.join(found_means, rsuffix="_found", how="outer")
    is_equal = (both["size"] == both["size_found"]) & ((both["mean"] - both["mean_found"]).abs() < 1e-6)
    assert len(both) > 50
    assert is_equal.all(), both[~is_equal].to_string()
