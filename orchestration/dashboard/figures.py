"""Rows on their way from a query to a chart or table, the same for a page and for the report: sums over months and labels, no rule.

What does not belong here: Streamlit, and how a chart looks (`charts`).
"""

from collections.abc import Mapping

import pandas as pd

from orchestration.dashboard import charts
from orchestration.dashboard.words import Words

_MOVES = ("entered_count", "reentered_count", "passed_count", "exited_count", "returned_count")
_STOCKS = ("closing_count", "parked_count", "dormant_count")
_LAST_STAGES = 4
# What the marts write in place of the id.
NO_CAMPAIGN = "unknown"
_MONTHS_A_YEAR = 12


def moves(volume: pd.DataFrame) -> pd.DataFrame:
    """Return one row per stage: moves summed over the months, stocks as the first one opened and the last one closed.

    Parameters
    ----------
    volume
        Of the query ``volume``.
    """
    first, last = volume["month"].min(), volume["month"].max()
    keys = ["stage", "stage_rank"]
    summed = volume.groupby(keys, as_index=False)[list(_MOVES)].sum()
    opening = volume[volume["month"] == first].groupby(keys, as_index=False)["opening_count"].sum()
    closing = volume[volume["month"] == last].groupby(keys, as_index=False)[list(_STOCKS)].sum()
    told = summed.merge(opening, how="left", on=keys).merge(closing, how="left", on=keys).fillna(0)
    told = told.assign(change=told["closing_count"] - told["opening_count"]).sort_values("stage_rank")
    return told[["stage", "stage_rank", "opening_count", *_MOVES, *_STOCKS, "change"]].astype(
        dict.fromkeys(("opening_count", *_MOVES, *_STOCKS, "change"), "int64")
    )


def entered_by_stage(volume: pd.DataFrame) -> dict[str, int]:
    """Return how many entered each stage; empty when there are no rows, which is not the same as nobody."""
    if volume.empty:
        return {}
    sums: Mapping[object, float] = volume.groupby("stage")["entered_count"].sum()
    return {str(stage): int(count) for stage, count in sums.items()}


def period_before(from_month: str, to_month: str) -> tuple[str, str]:
    """Return the period of the same length that ends where this one begins."""
    first, last = _number(from_month), _number(to_month)
    length = last - first + 1
    return _month(first - length), _month(first - 1)


def _number(month: str) -> int:
    year, number = month.split("-")
    return int(year) * _MONTHS_A_YEAR + int(number) - 1


def _month(number: int) -> str:
    return f"{number // _MONTHS_A_YEAR:04d}-{number % _MONTHS_A_YEAR + 1:02d}"


def stock(volume: pd.DataFrame, words: Words) -> charts.Chart:
    """Return the stock of each stage when the period ends."""
    extra = ("opening_count", "entered_count", "exited_count", "parked_count", "dormant_count")
    return charts.stage_bars(moves(volume), words, "closing_count", "mart_funnel_volume", extra)


def new_entries(volume: pd.DataFrame, words: Words) -> charts.Chart:
    """Return the entries of the last stages of the ladder, month by month."""
    last = {stage.stage for stage in words.stages[-_LAST_STAGES:]}
    return charts.entries_by_month(volume[volume["stage"].isin(last)], words)


def funnel(volume: pd.DataFrame, words: Words) -> charts.Chart:
    """Return how many entered each stage in the period, and how many passed over it."""
    rows = moves(volume)
    return charts.funnel_bars(rows.assign(reached_count=rows["entered_count"] + rows["passed_count"]), words)


def targets(rows: pd.DataFrame, words: Words) -> charts.Chart:
    """Return how far each target of a month was reached."""
    told = []
    for row in rows.to_dict("records"):
        is_share = row["measure"] != "entered"
        write = words.percent if is_share else words.number
        subject = str(row["subject"])
        if ">" in subject:
            subject = " → ".join(words.stage(stage) for stage in subject.split(">"))
        else:
            subject = words.stage(subject) if row["measure"] == "entered" else words.value("team", subject)
        reached = row["is_on_target"]
        told.append(
            {
                "name": words(f"target_{row['measure']}", subject=subject),
                "attainment": row["attainment"],
                "actual_text": write(row["actual_value"]),
                "target_text": write(row["target_value"]),
                "verdict": words("not_final") if pd.isna(reached) else words("met") if reached else words("missed"),
            }
        )
    return charts.attainment_bars(pd.DataFrame(told), words)


def with_steps(rows: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Return the rows with ``step``: from where to where, in words."""
    pairs = zip(rows["from_stage"], rows["to_stage"], strict=True)
    return rows.assign(step=[f"{words.stage(a)} → {words.stage(b)}" for a, b in pairs])


def with_names(rows: pd.DataFrame, words: Words, column: str, kind: str | None = None) -> pd.DataFrame:
    """Return the rows with a column's values in words as ``<column>_label``."""
    return rows.assign(**{f"{column}_label": [words.value(kind or column, value) for value in rows[column]]})


def with_campaigns(rows: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Return the rows with what belongs to no campaign called so; campaigns keep the names that they were given."""
    return rows.assign(
        campaign_name=rows["campaign_name"].mask(rows["campaign_id"] == NO_CAMPAIGN, words("no_campaign"))
    )


def channel_money(rows: pd.DataFrame, words: Words, unit: str) -> charts.Chart:
    """Return cost and revenue of each channel."""
    told = with_names(rows[(rows["cost_amount"] != 0) | (rows["revenue_amount"] != 0)], words, "channel")
    pair = ("cost_amount", "revenue_amount")
    return charts.two_bars(told, words, "channel_label", pair, "mart_channel_efficiency", unit=unit)


def credits_of_models(rows: pd.DataFrame, words: Words, unit: str) -> charts.Chart:
    """Return each channel's credit by the default model and, as marks, by every other."""
    told = with_names(rows, words, "channel").assign(model_label=rows[f"model_label_{words.language}"])
    value = "credit_amount" if told["credit_amount"].notna().any() else "credit_share"
    return charts.credit_marks(told, words, value, unit if value == "credit_amount" else words("targets_credited"))
