"""Velocity: how long each step takes, month by month, with the median and the open cases at hand."""

import streamlit as st

from orchestration.dashboard import charts
from orchestration.dashboard.view import View

_TABLE = "mart_stage_velocity"
_KINDS = ("step", "skip", "span")
_SHOWN_AT_FIRST = 4


def show(view: View) -> None:
    """Show the page."""
    view.head("velocity", "period", "segment")
    words = view.words
    with view.part("days"):
        if len(view.filters.chosen) > 1:
            st.warning(words("one_dimension", dimension=words(view.filters.segment[0])), icon=":material/info:")
        left, right = st.columns(2)
        kind = left.segmented_control(
            words.label(_TABLE, "transition_kind"),
            _KINDS,
            default="step",
            format_func=lambda one: words.value("transition_kind", one),
            key="transition_kind",
            required=True,
        )
        measure = right.segmented_control(
            words("measure"),
            ("mean_days", "median_days"),
            default="mean_days",
            format_func=lambda one: words.label(_TABLE, one),
            key="measure",
            required=True,
        )
        rows = view.step(view.some(view.rows("velocity_months", transition_kind=kind)))
        names = list(dict.fromkeys(view.step(view.rows("velocity_whole", transition_kind=kind))["step"]))
        chosen = st.pills(
            words("transitions"), names, selection_mode="multi", default=names[-_SHOWN_AT_FIRST:], key=f"steps_{kind}"
        )
        view.chart(charts.velocity_lines(view.some(rows[rows["step"].isin(chosen)]), words, str(measure)), "velocity")
        slowing = rows[rows["is_slowing"].fillna(value=False).astype(bool) & (rows["period"] == rows["period"].max())]
        for row in slowing.to_dict("records"):
            st.warning(
                words(
                    "slowing",
                    step=row["step"],
                    month=words.month(row["period"]),
                    days=words.number(row["mean_days"], 1),
                ),
                icon=":material/trending_up:",
            )
    with view.part("whole_time"):
        whole = view.step(view.some(view.rows("velocity_whole", transition_kind=kind)))
        columns = ["step", "n", "mean_days", "median_days", "p90_days", "target_days", "entered_count", "open_share"]
        view.table(whole, _TABLE, [*columns, "km_median_days", "is_small_sample"], {"step": words("step")})
    left, right = st.columns([3, 2])
    with left, view.part("matrix"):
        view.chart(charts.move_matrix(view.some(view.rows("stage_matrix")), words), "matrix")
    with right, view.part("stalled"):
        stalled = view.some(view.rows("stalled"))
        view.chart(
            charts.stage_bars(
                stalled, words, "stalled_count", "mart_stalled_person", ("over_sla_count", "median_days_over")
            ),
            "stalled",
        )
