"""Overview: how many stand where, how many are new, how many moved, and whether that is what was planned."""

import streamlit as st

from orchestration.dashboard import charts, figures
from orchestration.dashboard.view import View

_TABLE = "mart_funnel_volume"
_CARDS = 4
_SMALL_COLUMNS = 3


def show(view: View) -> None:
    """Show the page."""
    view.head("overview", "period", "channel", "region", "industry")
    rows = view.rows("volume")
    _cards(view)
    left, right = st.columns(2)
    with left, view.part("stock", month=view.words.month(view.filters.to_month)):
        view.chart(figures.stock(view.some(rows), view.words), "stock")
    with right, view.part("new"):
        view.chart(figures.new_entries(view.some(rows), view.words), "new")
    with view.part("stock_months"):
        view.some(rows)
        _small_stocks(view)
    with view.part("moves"):
        moves = figures.moves(view.some(rows))
        columns = [column for column in moves.columns if column not in {"stage_rank", "change"}]
        view.table(moves, _TABLE, columns)
    with view.part("targets", month=view.words.month(view.filters.to_month)):
        view.chart(figures.targets(view.some(view.rows("targets")), view.words), "targets")


def _cards(view: View) -> None:
    """Show the last stages of the ladder as figures, each beside the period of the same length before."""
    now = figures.entered_by_stage(view.rows("volume"))
    before_from, before_to = figures.period_before(view.filters.from_month, view.filters.to_month)
    # Beside a period that began before the data did, everything would look like growth.
    is_known = before_from >= str(view.rows("months")["month"].min())
    before = (
        figures.entered_by_stage(view.rows("volume", from_month=before_from, to_month=before_to)) if is_known else {}
    )
    period = view.words.period(before_from, before_to)
    for place, stage in zip(st.columns(_CARDS), view.words.stages[-_CARDS:], strict=False):
        count = now.get(stage.stage, 0)
        change = count - before.get(stage.stage, 0) if before else None
        place.metric(
            view.words("new_in_stage", stage=stage.label),
            view.words.number(count),
            delta=None if change is None else f"{change:+,.0f}",
            help=view.words("compared_with", period=period) if before else view.words("not_compared"),
            border=True,
        )


def _small_stocks(view: View) -> None:
    rows = view.rows("volume")
    stages = [stage for stage in view.words.stages if stage.stage in set(rows["stage"])]
    for start in range(0, len(stages), _SMALL_COLUMNS):
        for place, stage in zip(st.columns(_SMALL_COLUMNS), stages[start : start + _SMALL_COLUMNS], strict=False):
            own = rows[rows["stage"] == stage.stage]
            last = own[own["month"] == own["month"].max()]["closing_count"].sum()
            with place:
                st.markdown(f"**{stage.label}** :gray[{view.words.number(last)}]")
                view.chart(charts.small_stock(own, view.words, stage.colour), f"stock_{stage.stage}")
