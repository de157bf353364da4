"""The funnel marts, counted a second time with pandas and plain Python straight from the ledger.

The ways differ on purpose: stock is counted by looking who stands where when a month begins, not by adding moves up;
cohorts are walked person by person; means, medians and percentiles are NumPy's.
"""

from collections import Counter, defaultdict

import duckdb
import numpy as np
import pandas as pd
import pytest

FOREVER = pd.Timestamp("2262-01-01").as_unit("us")
CELL = ["track", "stage", "channel", "campaign_id", "region", "industry"]


@pytest.fixture(scope="module", params=["simulated ledger", "sample company"])
def funnel(request):
    if request.param == "sample company":
        yield request.getfixturevalue("warehouse")
        return
    with duckdb.connect(str(request.getfixturevalue("random_funnel")), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def ledger(funnel):
    rows = funnel.sql("select * from marts.fct_lifecycle_transition").df()
    return rows.sort_values(["person_id", "track", "entered_at", "cycle_number", "stage_rank"]).reset_index(drop=True)


@pytest.fixture(scope="module")
def as_of(funnel):
    return pd.Timestamp(funnel.sql("select as_of from ops.as_of").fetchone()[0])


@pytest.fixture(scope="module")
def ladder(funnel):
    return [row[0] for row in funnel.sql("select stage from seeds.stages order by stage_rank").fetchall()]


def month_of(moments: pd.Series) -> pd.Series:
    return moments.dt.strftime("%Y-%m")


def passed_by(row, ladder):
    if row.direction != "skip":
        return []
    position = ladder.index(row.stage)
    return ladder[position - row.skipped_stages : position]


def with_next(ledger: pd.DataFrame) -> pd.DataFrame:
    """Each row with the one that took over from it at the same instant."""
    following = ledger.groupby(["person_id", "track"], sort=False)[["entered_at", "stage", "direction"]].shift(-1)
    rows = ledger.assign(to_stage=following["stage"], kind=following["direction"])
    took_over = following["entered_at"].eq(ledger["exited_at"])
    return rows.assign(to_stage=rows["to_stage"].where(took_over, None), kind=rows["kind"].where(took_over, None))


def test_stock_is_who_stands_in_the_cell_when_the_month_turns(funnel, ledger, as_of):
    months = pd.DataFrame(
        {"month_start": pd.date_range(ledger["entered_at"].min().normalize().replace(day=1), as_of, freq="MS")}
    )
    months["next_start"] = months["month_start"] + pd.offsets.MonthBegin(1)
    months["month"] = months["month_start"].dt.strftime("%Y-%m")
    crossed = ledger.merge(months, how="cross")
    gone = crossed["exited_at"].fillna(FOREVER)
    crossed["opening_count"] = (crossed["entered_at"] < crossed["month_start"]) & (gone >= crossed["month_start"])
    crossed["closing_count"] = (crossed["entered_at"] < crossed["next_start"]) & (gone >= crossed["next_start"])
    crossed["entered_count"] = month_of(crossed["entered_at"]) == crossed["month"]
    crossed["exited_count"] = month_of(crossed["exited_at"]) == crossed["month"]
    measures = ["opening_count", "entered_count", "exited_count", "closing_count"]
    expected = crossed.groupby([*CELL, "month"])[measures].sum()
    expected = expected[expected.any(axis=1)]

    columns = ", ".join([*CELL, "month", *measures])
    published = funnel.sql(f"select {columns} from marts.mart_funnel_volume").df().set_index([*CELL, "month"])
    published = published[published.any(axis=1)]
    pd.testing.assert_frame_equal(published.sort_index(), expected.sort_index(), check_dtype=False)
    assert len(published) > 0


def test_passed_returned_and_reentered_are_counted_where_they_happened(funnel, ledger, ladder):
    passed, returned = defaultdict(int), defaultdict(int)
    rows = with_next(ledger)
    for row in rows.itertuples():
        segments = (row.channel, row.campaign_id, row.region, row.industry)
        for stage in passed_by(row, ladder):
            passed[(row.track, stage, *segments, row.entered_at.strftime("%Y-%m"))] += 1
        if row.kind == "return":
            returned[(row.track, row.stage, *segments, row.exited_at.strftime("%Y-%m"))] += 1
    again = rows[rows["is_reentry"]].assign(month=month_of(rows["entered_at"]))
    # who had been in the stage before, by the rows and not by what they say of themselves
    before = rows.groupby(["person_id", "stage"])["entered_at"].rank(method="first") > 1
    assert set(again.index) == set(rows.index[before])
    reentered = again.groupby([*CELL, "month"]).size().to_dict()
    measures = {"passed_count": passed, "returned_count": returned, "reentered_count": reentered}
    for measure, expected in measures.items():
        found = funnel.sql(
            f"select {', '.join(CELL)}, month, {measure} from marts.mart_funnel_volume where {measure} > 0"
        )
        assert {tuple(row[:-1]): row[-1] for row in found.fetchall()} == dict(expected)


@pytest.mark.parametrize(
    ("measure", "status", "edge"),
    [
        ("parked_count", "recycled", "ends"),
        ("dormant_count", "dormant", "ends"),
        ("dormant_before_count", "dormant", "month_starts_on"),
    ],
)
def test_dormant_and_parked_are_the_statuses_on_when_the_month_turns(funnel, ledger, measure, status, edge):
    statuses = funnel.sql(f"select * from marts.fct_lifecycle_status where status = '{status}'").df()
    months = funnel.sql("select distinct month, month_starts_on from marts.mart_funnel_volume").df()
    months["ends"] = pd.to_datetime(months["month_starts_on"]) + pd.offsets.MonthBegin(1)
    months["turn"] = pd.to_datetime(months[edge])
    held = statuses.merge(months, how="cross")
    held = held[(held["began_at"] < held["turn"]) & (held["ended_at"].fillna(FOREVER) >= held["turn"])]
    stood = held.merge(ledger, on="person_id")
    stood = stood[(stood["entered_at"] < stood["turn"]) & (stood["exited_at"].fillna(FOREVER) >= stood["turn"])]
    stood = stood.drop_duplicates(["month", "transition_id"])
    expected = stood.groupby([*CELL, "month"]).size().to_dict()
    found = funnel.sql(f"select {', '.join(CELL)}, month, {measure} from marts.mart_funnel_volume where {measure} > 0")
    assert {tuple(row[:-1]): row[-1] for row in found.fetchall()} == expected


def test_the_woken_are_those_whose_sleep_began_before_the_month_and_ended_in_it(funnel, ledger):
    expected = Counter()
    stays = {person: list(rows.itertuples()) for person, rows in ledger.groupby("person_id")}
    for person, began_at, ended_at in funnel.sql(
        "select person_id, began_at, ended_at from marts.fct_lifecycle_status where status = 'dormant' and ended_at is not null"
    ).fetchall():
        if (began_at.year, began_at.month) < (ended_at.year, ended_at.month):
            for stay in stays.get(person, []):
                if stay.entered_at < ended_at and (pd.isna(stay.exited_at) or ended_at <= stay.exited_at):
                    expected[*(getattr(stay, name) for name in CELL), f"{ended_at:%Y-%m}"] += 1
    found = funnel.sql(
        f"select {', '.join(CELL)}, month, woken_count from marts.mart_funnel_volume where woken_count > 0"
    )
    assert {tuple(row[:-1]): row[-1] for row in found.fetchall()} == expected
    assert expected


def cohort_outcomes(ledger, ladder, disqualified):
    """Yield (row, from stage, to stage, days or None, reached in any cycle, open) for each cohort entry and stage pair."""
    for _, person_rows in ledger.groupby(["person_id", "track"], sort=False):
        rows = list(person_rows.itertuples())
        open_cycles = {row.cycle_number for row in rows if pd.isna(row.exited_at)}
        for index, row in enumerate(rows):
            later = [other for other in rows[index:] if other.cycle_number >= row.cycle_number]
            for stage in [row.stage, *passed_by(row, ladder)]:
                for to_stage in ladder[ladder.index(stage) + 1 :]:
                    reached = [other for other in later if ladder.index(other.stage) >= ladder.index(to_stage)]
                    same = [other for other in reached if other.cycle_number == row.cycle_number]
                    days = (same[0].entered_at - row.entered_at).total_seconds() / 86400 if same else None
                    is_open = days is None and row.cycle_number in open_cycles and row.person_id not in disqualified
                    yield row, stage, to_stage, days, bool(reached), is_open


def test_conversion_is_what_a_walk_along_each_history_finds(funnel, ledger, ladder, as_of):
    disqualified = {
        row[0]
        for row in funnel.sql(
            "select distinct person_id from marts.fct_lifecycle_status where status = 'disqualified' and is_open"
        ).fetchall()
    }
    windows = [row[0] for row in funnel.sql("select window_days from seeds.conversion_windows").fetchall()]
    expected = defaultdict(lambda: np.zeros(6, dtype=int))
    for row, stage, to_stage, days, is_any, is_open in cohort_outcomes(ledger, ladder, disqualified):
        segments = {"all": "all", "channel": row.channel, "campaign": row.campaign_id, "region": row.region}
        segments |= {
            "industry": row.industry,
            "motion": row.motion,
            "route": "unknown" if pd.isna(row.route) else row.route,
        }
        month = row.entered_at.strftime("%Y-%m")
        is_reached = days is not None
        for window in windows:
            counts = [1, is_reached and days <= window, is_reached, is_any, is_open, not is_reached and not is_open]
            for segment in segments.items():
                expected[(month, row.track, stage, to_stage, *segment, window)] += np.array(counts, dtype=int)
    published = funnel.sql(
        """
        select cohort_month, track, from_stage, to_stage, segment_type, segment_value, window_days,
            cohort_count, converted_count, converted_in_cycle_count, converted_any_cycle_count, open_count, lost_count
        from marts.mart_funnel_conversion
        """
    ).fetchall()
    assert {row[:7]: row[7:] for row in published} == {
        key: tuple(int(n) for n in counts) for key, counts in expected.items()
    }

    rates = funnel.sql(
        "select cohort_month, window_days, converted_count, cohort_count, conversion_rate, is_mature from marts.mart_funnel_conversion"
    ).df()
    last_entry = pd.to_datetime(rates["cohort_month"]) + pd.offsets.MonthBegin(1)
    mature = last_entry + pd.to_timedelta(rates["window_days"], unit="D") <= as_of
    pd.testing.assert_series_equal(rates["is_mature"], mature, check_names=False)
    assert rates.loc[~mature, "conversion_rate"].isna().all()
    np.testing.assert_allclose(
        rates.loc[mature, "conversion_rate"], (rates["converted_count"] / rates["cohort_count"])[mature], rtol=1e-12
    )


def long_by_segment(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """One copy of the rows per segment type of the velocity mart, and per period (its month, and all)."""
    rows = rows.assign(all_rows="all", cycle=rows["cycle_number"].astype(int).astype(str))
    columns = {"all": "all_rows", "channel": "channel", "region": "region", "industry": "industry", "cycle": "cycle"}
    parts = [
        rows.assign(segment_type=segment_type, segment_value=rows[column], period=period)
        for segment_type, column in columns.items()
        for period in (rows["month"], "all")
    ]
    return pd.concat(parts)[[*keys, "segment_type", "segment_value", "period", "days"]]


def assert_statistics_equal(found: pd.DataFrame, expected: pd.DataFrame, keys: list[str]) -> None:
    # who is important is no column of the ledger; that these parts add up is tested by itself
    found = found[found["segment_type"] != "importance"]
    groups = expected.groupby(keys)["days"]
    statistics = pd.DataFrame(
        {
            "mean_days": groups.mean(),
            "median_days": groups.median(),
            "p75_days": groups.quantile(0.75),
            "p90_days": groups.quantile(0.9),
            "n": groups.size(),
        }
    )
    found = found[found["n"] > 0].set_index(keys)[list(statistics.columns)].astype(float)
    if statistics.empty:
        assert found.empty
        return
    pd.testing.assert_frame_equal(found.sort_index(), statistics.astype(float).sort_index(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("basis", ["exit", "entry"])
def test_steps_and_skips_equal_pandas_on_the_ledger(funnel, ledger, basis):
    rows = with_next(ledger)
    rows = rows[rows["kind"].isin(["advance", "skip"])].rename(columns={"stage": "from_stage"})
    rows["transition_kind"] = rows["kind"].replace({"advance": "step"})
    rows["days"] = (rows["exited_at"] - rows["entered_at"]).dt.total_seconds() / 86400
    rows["month"] = month_of(rows["exited_at"] if basis == "exit" else rows["entered_at"])
    keys = ["transition_kind", "track", "from_stage", "to_stage"]
    expected = long_by_segment(rows, keys)
    found = funnel.sql(
        f"select * from marts.mart_stage_velocity where transition_kind in ('step', 'skip') and month_basis = '{basis}'"
    ).df()
    assert_statistics_equal(found, expected, [*keys, "segment_type", "segment_value", "period"])


def spans_of(ledger, from_stage, track="acquisition"):
    """Start and end rows of each cycle of one span to customer, by plain lookups."""
    rows = ledger[ledger["track"] == track]
    cycle = ["person_id", "cycle_number"]
    wins = rows[rows["stage"] == "customer"].set_index(cycle)["entered_at"]
    starts = rows.drop_duplicates(cycle) if from_stage == "first_touch" else rows[rows["stage"] == from_stage]
    starts = starts[starts["stage"] != "customer"].set_index(cycle)
    return starts.assign(won_at=wins.reindex(starts.index)).reset_index(), wins


@pytest.mark.parametrize(
    ("track", "from_stage"),
    [
        ("acquisition", "first_touch"),
        ("acquisition", "name"),
        ("acquisition", "mql"),
        ("acquisition", "sql"),
        ("expansion", "first_touch"),
    ],
)
@pytest.mark.parametrize("basis", ["exit", "entry"])
def test_spans_to_customer_equal_pandas_on_the_ledger(funnel, ledger, track, from_stage, basis):
    starts, wins = spans_of(ledger, from_stage, track)
    won = starts[starts["won_at"].notna()].copy()
    won["days"] = (won["won_at"] - won["entered_at"]).dt.total_seconds() / 86400
    won["month"] = month_of(won["won_at"] if basis == "exit" else won["entered_at"])
    expected = long_by_segment(won, [])
    found = funnel.sql(
        "select * from marts.mart_stage_velocity where transition_kind = 'span' "
        f"and track = '{track}' and from_stage = '{from_stage}' and month_basis = '{basis}'"
    ).df()
    assert_statistics_equal(found, expected, ["segment_type", "segment_value", "period"])
    if (wins if basis == "exit" else starts).empty:
        assert found.empty
        return
    whole = found[(found["segment_type"] == "all") & (found["period_type"] == "all")].iloc[0]
    if basis == "exit":
        # every win is either in the mean or among those left out
        assert whole["n"] + whole["excluded_count"] == len(wins)
    else:
        open_cycles = (
            ledger[(ledger["track"] == track) & ledger["exited_at"].isna()]
            .set_index(["person_id", "cycle_number"])
            .index
        )
        unfinished = starts[starts["won_at"].isna()].set_index(["person_id", "cycle_number"]).index
        assert whole["entered_count"] == len(starts)
        assert whole["open_count"] == unfinished.isin(open_cycles).sum()


def test_the_important_and_the_others_are_all(funnel):
    cells = "transition_kind, track, from_stage, to_stage, month_basis, period_type, period"
    # a group in which nobody ever made the move has no row, which is no case
    differing = funnel.sql(
        f"""
        select {cells}
        from marts.mart_stage_velocity
        where segment_type in ('all', 'importance')
        group by {cells}
        having coalesce(sum(n) filter (where segment_type = 'all'), 0) <> coalesce(sum(n) filter (where segment_type = 'importance'), 0)
            or abs(
                sum(n * mean_days) filter (where segment_type = 'all') - sum(n * mean_days) filter (where segment_type = 'importance')
            ) > 1e-4 * sum(n)
        """
    ).fetchall()
    assert differing == []
    assert funnel.sql("select count(*) from marts.mart_stage_velocity where segment_type = 'importance'").fetchone()[0]


def test_a_win_before_anything_else_is_in_no_span_and_is_counted(funnel, ledger):
    acquisition = ledger[ledger["track"] == "acquisition"]
    first_rows = acquisition.drop_duplicates(["person_id", "cycle_number"])
    won_first = int((first_rows["stage"] == "customer").sum())
    found = funnel.sql(
        """
        select excluded_count, end_before_start_count from marts.mart_stage_velocity
        where transition_kind = 'span' and track = 'acquisition' and from_stage = 'first_touch'
            and month_basis = 'exit' and period_type = 'all' and segment_type = 'all'
        """
    ).fetchone()
    assert found == (won_first, won_first)


def test_the_open_share_of_an_entry_month_counts_all_who_entered(funnel, ledger):
    steps = with_next(ledger).query("kind == 'advance' and track == 'acquisition'")
    from_stage, to_stage = steps.groupby(["stage", "to_stage"]).size().idxmax()
    rows = ledger[(ledger["track"] == "acquisition") & (ledger["stage"] == from_stage)]
    rows = rows.assign(month=month_of(rows["entered_at"]), is_open=rows["exited_at"].isna())
    groups = rows.groupby("month")["is_open"]
    expected = pd.DataFrame({"entered_count": groups.size(), "open_count": groups.sum()})
    found = funnel.sql(
        f"""
        select period, entered_count, open_count from marts.mart_stage_velocity
        where transition_kind = 'step' and track = 'acquisition' and from_stage = '{from_stage}' and to_stage = '{to_stage}'
            and month_basis = 'entry' and period_type = 'month' and segment_type = 'all'
        """
    ).df()
    found = found.set_index("period")
    pd.testing.assert_frame_equal(found.sort_index(), expected.sort_index(), check_dtype=False, check_names=False)


def test_the_matrix_counts_every_move_once(funnel, ledger):
    rows = with_next(ledger)
    rows = rows[rows["to_stage"].notna()].assign(
        days=lambda r: (r["exited_at"] - r["entered_at"]).dt.total_seconds() / 86400
    )
    keys = ["track", "stage", "to_stage", "kind"]
    groups = rows.groupby(keys)["days"]
    expected = pd.DataFrame({"n": groups.size(), "mean_days": groups.mean(), "median_days": groups.median()}).astype(
        float
    )
    found = funnel.sql(
        "select track, from_stage as stage, to_stage, direction as kind, n, mean_days, median_days from marts.mart_stage_matrix"
    ).df()
    found = found.set_index(keys).astype(float)
    pd.testing.assert_frame_equal(found.sort_index(), expected.sort_index(), rtol=0, atol=1e-6)


def test_stage_days_reconcile_with_the_ledger_to_the_second(funnel):
    ledger_days, fact_days, rows = funnel.sql(
        """
        select sum(epoch(coalesce(ledger.exited_at, as_of.as_of)) - epoch(ledger.entered_at)), sum(durations.stage_days) * 86400, count(*)
        from marts.fct_lifecycle_transition as ledger
        inner join marts.fct_stage_duration as durations using (transition_id)
        cross join ops.as_of
        """
    ).fetchone()
    assert rows == funnel.sql("select count(*) from marts.fct_stage_duration").fetchone()[0]
    assert abs(ledger_days - fact_days) < 1


def test_the_simulated_ledger_holds_what_these_tests_are_about(random_funnel):
    with duckdb.connect(str(random_funnel), read_only=True) as connection:
        counts = connection.sql(
            """
            select
                count(*) filter (where direction = 'skip' and skipped_stages > 1) as skips,
                count(*) filter (where direction = 'return') as returns,
                count(*) filter (where exited_at = entered_at) as stays_of_no_time,
                count(*) filter (where outcome = 'lost') as lost,
                count(*) filter (where stage = 'customer' and previous_stage is null and track = 'acquisition') as won_first,
                (select sum(parked_count) from marts.mart_funnel_volume) as parked,
                (select sum(dormant_count) from marts.mart_funnel_volume) as dormant,
                (select count(*) from marts.mart_funnel_conversion where not is_mature) as immature
            from marts.fct_lifecycle_transition
            """
        ).fetchone()
    assert all(count > 20 for count in counts), counts
