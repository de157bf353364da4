"""The statistics of velocity beyond means: against lifelines, against exact fractions, against plain pandas.

The ways differ on purpose: lifelines works on arrays and floats, the fractions walk from case to case, the alarm is computed from the cases of
all months at once and not from the months' sums.
"""

import math
import warnings
from collections import defaultdict
from fractions import Fraction

import duckdb
import lifelines
import numpy as np
import pandas as pd
import pytest

SHORT, LONG = 90, 180
SEGMENTS = {"all": None, "channel": "channel", "region": "region", "cycle": "cycle_number", "importance": "importance"}


@pytest.fixture(scope="module", params=["simulated ledger", "sample company"])
def funnel(request):
    if request.param == "sample company":
        yield request.getfixturevalue("warehouse")
        return
    with duckdb.connect(str(request.getfixturevalue("random_funnel")), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def as_of(funnel):
    return pd.Timestamp(funnel.sql("select as_of from ops.as_of").fetchone()[0])


@pytest.fixture(scope="module")
def stays(funnel, as_of):
    """Every stay of the ledger with the days it was seen for and where it led."""
    rows = funnel.sql(
        """
        select ledger.*, importance.importance from marts.fct_lifecycle_transition as ledger
        join intermediate.int_funnel__entry_importance as importance using (transition_id)
        """
    ).df()
    rows = rows.sort_values(["person_id", "track", "entered_at", "cycle_number", "stage_rank"]).reset_index(drop=True)
    after = rows.groupby(["person_id", "track"], sort=False)[["entered_at", "stage", "direction"]].shift(-1)
    went_on = after["entered_at"].eq(rows["exited_at"]) & rows["outcome"].isna()
    is_up = went_on & after["direction"].isin(["advance", "skip"])
    rows["move"] = (after["direction"].replace({"advance": "step"}) + " " + after["stage"]).where(is_up, "")
    rows["observed"] = rows["exited_at"].notna()
    end = rows["exited_at"].fillna(as_of)
    rows["days"] = ((end - rows["entered_at"]).dt.total_seconds() / 86_400).round(6)
    rows["month"] = rows["entered_at"].dt.strftime("%Y-%m")
    return rows


@pytest.fixture(scope="module")
def published(funnel):
    rows = funnel.sql("select * from marts.mart_stage_velocity where month_basis = 'entry'").df()
    return {
        (
            row.transition_kind,
            row.track,
            row.from_stage,
            row.to_stage,
            row.segment_type,
            row.segment_value,
            row.period,
        ): row
        for row in rows.itertuples()
    }


def groups_of(rows: pd.DataFrame):
    """Yield (track, from stage, segment type, value, period, rows) for groups that the mart computes."""
    for (track, stage), of_stage in rows.groupby(["track", "stage"]):
        for segment_type, column in SEGMENTS.items():
            for value, segment in [("all", of_stage)] if column is None else of_stage.groupby(column):
                # months of everybody, so that a test run stays short
                months = segment.groupby("month") if column is None else []
                for period, group in [("all", segment), *months]:
                    yield track, stage, segment_type, str(value), period, group


def exact_curves(group: pd.DataFrame, move: str) -> tuple[float | None, float | None, float | None]:
    """Kaplan-Meier median and Aalen-Johansen shares in exact fractions, one case after the other."""
    at_risk = len(group)
    there = left = Fraction(1)
    share = defaultdict(Fraction)
    median = None
    by_day = group.groupby("days")
    for day, cases in by_day:
        moved = int((cases["move"] == move).sum())
        gone = int(cases["observed"].sum())
        for window in (SHORT, LONG):
            if day <= window:
                share[window] += there * Fraction(moved, at_risk)
        left *= 1 - Fraction(moved, at_risk)
        there *= 1 - Fraction(gone, at_risk)
        if median is None and left <= Fraction(1, 2):
            median = day
        at_risk -= len(cases)
    last = group["days"].max()
    seen = [float(share[window]) if there == 0 or last >= window else None for window in (SHORT, LONG)]
    return median, seen[0], seen[1]


def test_medians_and_shares_equal_exact_fractions(stays, published):
    compared = 0
    for track, stage, segment_type, value, period, group in groups_of(stays):
        if segment_type not in {"all", "importance"} or len(group) > 250:
            continue  # the fractions of a large group have thousands of digits
        for move in set(group["move"]) - {""}:
            kind, to_stage = move.split()
            row = published[(kind, track, stage, to_stage, segment_type, value, period)]
            median, short, long = exact_curves(group, move)
            found = [row.km_median_days, row.short_window_share, row.long_window_share]
            for expected, actual in zip([median, short, long], found, strict=True):
                if expected is None:
                    assert math.isnan(actual), row
                else:
                    # days may fall on either side of a millionth; shares are exact to nine digits
                    assert actual == pytest.approx(expected, abs=2e-6 if expected is median else 2e-9), row
            compared += 1
    assert compared > 100


def test_medians_with_open_cases_equal_lifelines(stays, published):
    compared = with_open = 0
    for track, stage, segment_type, value, period, group in groups_of(stays):
        for move in set(group["move"]) - {""}:
            kind, to_stage = move.split()
            row = published[(kind, track, stage, to_stage, segment_type, value, period)]
            fitted = lifelines.KaplanMeierFitter().fit(group["days"], group["move"] == move)
            # a curve that stands at exactly one half is half only up to the last bit of a float
            half = fitted.survival_function_["KM_estimate"]
            expected = half.index[half.to_numpy() <= 0.5 + 1e-9]
            assert (np.nan if len(expected) == 0 else expected[0]) == pytest.approx(
                row.km_median_days, abs=2e-6, nan_ok=True
            )
            if not np.isclose(half, 0.5, atol=1e-9).any():
                median = fitted.median_survival_time_
                assert row.km_median_days == pytest.approx(
                    np.nan if np.isinf(median) else median, abs=2e-6, nan_ok=True
                )
            compared += 1
            with_open += bool((~group["observed"]).any() and len(expected))
    assert compared > 80
    assert with_open > 10


def test_shares_with_returns_as_competitors_equal_lifelines(stays, published):
    """Lifelines has no Aalen-Johansen for ties and moves them at random, so it is given groups whose days all differ."""
    compared = competing = 0
    for track, stage, segment_type, value, period, group in groups_of(stays):
        if segment_type != "all" or group["days"].duplicated().any() or (group["days"] <= 0).any():
            continue
        moves = sorted(set(group["move"]) - {""})
        code = group["move"].map({move: number + 1 for number, move in enumerate(moves)}).fillna(len(moves) + 1)
        code = code.where(group["observed"], 0).astype(int)
        for number, move in enumerate(moves):
            kind, to_stage = move.split()
            row = published[(kind, track, stage, to_stage, segment_type, value, period)]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fitter = lifelines.AalenJohansenFitter(calculate_variance=False)
                curve = fitter.fit(group["days"], code, event_of_interest=number + 1).cumulative_density_.iloc[:, 0]
            for window, found in ((SHORT, row.short_window_share), (LONG, row.long_window_share)):
                if not math.isnan(found):
                    assert found == pytest.approx(curve[curve.index <= window].iloc[-1], abs=1e-6)
                    compared += 1
                    competing += len(set(code) - {0, number + 1}) > 0
    assert compared > 0
    assert competing > 0


def test_spans_count_a_cycle_that_was_over_as_a_way_out(stays, published, as_of):
    """From mql to customer, cycle by cycle: won, over without a win, or running."""
    acquisition = stays[stays["track"] == "acquisition"]
    cases = []
    for (_, _), cycle in acquisition.groupby(["person_id", "cycle_number"]):
        begun = cycle[cycle["stage"] == "mql"]
        if begun.empty:
            continue
        start = begun.iloc[0]
        won = cycle[cycle["stage"] == "customer"]
        is_running = cycle["exited_at"].isna().any()
        end = won.iloc[0]["entered_at"] if len(won) else (as_of if is_running else cycle["exited_at"].max())
        days = round((end - start["entered_at"]).total_seconds() / 86_400, 6)
        move = "span customer" if len(won) else ""
        cases.append((start["month"], days, move, bool(len(won)) or not is_running))
    frame = pd.DataFrame(cases, columns=["month", "days", "move", "observed"])
    for period, group in [("all", frame), *frame.groupby("month")]:
        row = published[("span", "acquisition", "mql", "customer", "all", "all", period)]
        median, short, long = exact_curves(group, "span customer")
        for expected, found in (
            (median, row.km_median_days),
            (short, row.short_window_share),
            (long, row.long_window_share),
        ):
            assert found == pytest.approx(np.nan if expected is None else expected, abs=1e-6, nan_ok=True)
    assert len(frame) > 50


def test_a_slowing_month_is_judged_from_its_cases_and_those_of_six_full_months(funnel, stays, as_of):
    alarm = funnel.sql("select * from seeds.velocity_alarms").df().iloc[0]
    (minimum,) = funnel.sql(
        "select minimum_count from seeds.sample_sizes where mart = 'mart_stage_velocity'"
    ).fetchone()
    moved = stays[stays["move"] != ""].copy()
    moved["exit"] = moved["exited_at"].dt.to_period("M")
    first_full = stays["entered_at"].min().to_period("M") + 1
    expected = {}
    for (track, stage, move), cases in moved.groupby(["track", "stage", "move"]):
        for month, now in cases.groupby("exit"):
            before = cases[(cases["exit"] < month) & (cases["exit"] >= month - int(alarm["trailing_months"]))]
            is_full = month - int(alarm["trailing_months"]) >= first_full and (month + 1).start_time <= as_of
            if len(now) < minimum or len(before) < minimum or not is_full:
                continue
            slow, fast = now["days"], before["days"]
            pooled = math.sqrt(
                (slow.var() * (len(slow) - 1) + fast.var() * (len(fast) - 1)) / (len(slow) + len(fast) - 2)
            )
            effect = (slow.mean() - fast.mean()) / pooled * (1 - 3 / (4 * (len(slow) + len(fast)) - 9))
            z = (slow.mean() - fast.mean()) / math.sqrt(slow.var() / len(slow) + fast.var() / len(fast))
            share = slow.mean() / fast.mean() - 1
            rings = (
                share >= alarm["minimum_slowdown"]
                and effect >= alarm["minimum_effect_size"]
                and z >= alarm["minimum_z"]
            )
            expected[(*move.split(), track, stage, str(month))] = (len(fast), effect, share, bool(rings))
    found = {
        row[:5]: row[5:]
        for row in funnel.sql(
            """
            select transition_kind, to_stage, track, from_stage, period, trailing_n, effect_size, change_share, is_slowing
            from marts.mart_stage_velocity
            where is_slowing is not null and segment_type = 'all' and transition_kind <> 'span'
            """
        ).fetchall()
    }
    assert found.keys() == expected.keys()
    for key, (trailing_n, effect, share, rings) in expected.items():
        assert found[key] == (trailing_n, pytest.approx(effect, abs=2e-6), pytest.approx(share, abs=2e-6), rings)


def test_stalled_people_are_those_whom_a_look_at_every_open_stay_finds(funnel, stays):
    sla = dict(funnel.sql("select stage, stage_sla_days from marts.dim_stage").fetchall())
    known = {
        row[0]
        for row in funnel.sql(
            "select person_id from intermediate.int_identity__persons where not is_anonymous"
        ).fetchall()
    }
    out = {
        row[0]
        for row in funnel.sql(
            "select person_id from marts.fct_lifecycle_status where status = 'disqualified' and is_open"
        ).fetchall()
    }
    limits = {}
    for key, group in stays[stays["move"] != ""].groupby(["track", "stage"]):
        limits[key] = np.percentile(group["days"], 90) if len(group) >= 20 else math.inf
    expected = {}
    for row in stays[~stays["observed"]].itertuples():
        limit = min(limits.get((row.track, row.stage), math.inf), sla[row.stage] or math.inf)
        if row.days > limit and row.person_id in known - out:
            expected[row.transition_id] = row.days - limit
    found = dict(funnel.sql("select transition_id, days_over from marts.mart_stalled_person").fetchall())
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, abs=1e-5)
    assert found


def test_target_days_are_those_of_the_seed(funnel):
    rows = funnel.sql(
        """
        select velocity.target_days = targets.target_days, velocity.is_over_target = (velocity.mean_days > targets.target_days)
        from marts.mart_stage_velocity as velocity
        join seeds.velocity_targets as targets using (transition_kind, track, from_stage, to_stage)
        where velocity.n > 0
        """
    ).fetchall()
    assert rows
    assert all(row == (True, True) for row in rows)


def test_important_stays_are_those_of_an_ideal_fit_or_a_target_account(funnel, stays):
    scores = {
        row[:2]: row[2]
        for row in funnel.sql(
            "select person_id, occurred_at, fit_score from intermediate.int_lifecycle__entry_scores"
        ).fetchall()
    }
    (ideal,) = funnel.sql("select min_points from seeds.grades where grade_part = 'fit' and grade = 'A'").fetchone()
    lists = funnel.sql(
        """
        select accounts.account_id, lists.valid_from, lists.valid_to from staging.stg_crm__target_lists as lists
        join intermediate.int_identity__crm_accounts as accounts
            on lists.source_system = accounts.source_system and lists.account_id = accounts.crm_account_id
        """
    ).fetchall()
    periods = defaultdict(list)
    for account_id, valid_from, valid_to in lists:
        periods[account_id].append((valid_from, valid_to))
    for row in stays.itertuples():
        at = row.entered_at.to_pydatetime()
        is_listed = any(
            (begin is None or begin <= at) and (end is None or at < end) for begin, end in periods[row.account_id]
        )
        is_ideal = scores.get((row.person_id, at), -math.inf) >= ideal
        assert (row.importance == "important") == (is_listed or is_ideal)


def test_deals_move_through_the_stages_of_the_crm_as_pandas_sees_them(warehouse):
    rows = warehouse.sql(
        """
        select deals.opportunity_record_id, deals.opportunity_type, history.stage, history.changed_at,
            case when deals.is_won then 'won' when deals.is_open then 'open' else 'lost' end as outcome
        from staging.stg_crm__opportunity_history as history
        join marts.fct_opportunity as deals using (opportunity_id, source_system)
        cross join ops.as_of
        where history.changed_at <= as_of.as_of
        order by 1, history.changed_at, history.load_sequence, history.record_id
        """
    ).df()
    same = rows["opportunity_record_id"].eq(rows["opportunity_record_id"].shift())
    rows = rows[~(same & rows["stage"].eq(rows["stage"].shift()))]
    after = rows.groupby("opportunity_record_id")[["stage", "changed_at"]].shift(-1)
    rows = rows.assign(to_stage=after["stage"], left_at=after["changed_at"]).dropna(subset=["to_stage"])
    rows["days"] = (rows["left_at"] - rows["changed_at"]).dt.total_seconds() / 86_400
    expected = {}
    for column in ("all", "opportunity_type", "outcome"):
        values = "all" if column == "all" else rows[column]
        for period in (rows["left_at"].dt.strftime("%Y-%m"), "all"):
            part = rows.assign(value=values, period=period)
            for key, days in part.groupby(["stage", "to_stage", "period", "value"])["days"]:
                expected[(*key, column)] = (
                    len(days),
                    days.mean(),
                    days.median(),
                    days.quantile(0.75),
                    days.quantile(0.9),
                )
    found = warehouse.sql(
        """
        select from_stage, to_stage, period, segment_value, segment_type, n, mean_days, median_days, p75_days, p90_days
        from marts.mart_opportunity_velocity
        """
    ).fetchall()
    assert {row[:5] for row in found} == expected.keys()
    for row in found:
        assert row[5:] == pytest.approx(expected[row[:5]], abs=2e-6), row
