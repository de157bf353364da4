"""Funnel: who reached which stage, which share went on, what a stage is worth, and who they are."""

from typing import Any

import streamlit as st

from orchestration.dashboard import charts, figures
from orchestration.dashboard.palette import MAIN
from orchestration.dashboard.view import NoRowsError, View, dimensions

_WINDOW = 90
_SHOWN_PEOPLE = 200
_CONVERSION = "mart_funnel_conversion"


def show(view: View) -> None:
    """Show the page."""
    view.head("funnel", "period", "channel", "region", "industry")
    stage = None
    with view.part("reached"):
        stage = _funnel(view)
    if stage:
        with view.part("people", stage=view.words.stage(stage)):
            _people(view, stage)
    _conversion(view)
    with view.part("worth", currency=view.currency):
        rows = view.some(view.rows("stage_worth"))
        columns = ["stage", "standing_count", "mature_count", "win_rate", "value_amount", "expected_amount"]
        view.table(rows, "mart_stage_value", [*columns, "pipeline_amount", "is_small_sample"])


def _funnel(view: View) -> str | None:
    """Show the bars and return the stage that was chosen on them or below."""
    rows = view.some(view.rows("volume"))
    chart = figures.funnel(rows, view.words)
    event: Any = st.altair_chart(
        chart, width="stretch", key="funnel", on_select="rerun", selection_mode=charts.STAGE_CLICK
    )
    clicked = (event.selection.get(charts.STAGE_CLICK) or [{}])[0].get("stage") if event else None
    if clicked != st.session_state.get("clicked_stage"):
        # The newest choice counts, whichever way it was made.
        st.session_state["clicked_stage"] = clicked
        st.session_state["people_stage"] = clicked
    present = set(rows["stage"])
    chosen = st.pills(
        view.words("show_people"),
        [stage.stage for stage in view.words.stages if stage.stage in present],
        format_func=view.words.stage,
        key="people_stage",
    )
    return str(chosen) if chosen else None


def _people(view: View, stage: str) -> None:
    entered = figures.entered_by_stage(view.rows("volume")).get(stage, 0)
    rows = view.some(view.rows("entries_of_stage", stage=stage, row_limit=_SHOWN_PEOPLE))
    st.markdown(view.words("entries_shown", count=view.words.number(entered), shown=view.words.number(len(rows))))
    columns = ["person_id", "stage_label", "entered_at", "signal", "score_at_entry", "channel"]
    known = ["full_name", "company", "job_title"]
    if view.shows_people:
        rows = view.with_people(rows, known)
        columns = ["person_id", *known, *columns[2:]]
    else:
        st.warning(view.words("no_people_file"), icon=":material/lock:")
    names = {column: view.words.label("dim_person", column) for column in known}
    view.table(rows, "fct_lifecycle_transition", columns, names)


def _conversion(view: View) -> None:
    words = view.words
    chosen = None
    with view.part("conversion"):
        windows = [int(days) for days in view.some(view.rows("conversion_windows"))["window_days"]]
        left, right = st.columns([2, 1])
        window = left.segmented_control(
            words.label(_CONVERSION, "window_days"),
            windows,
            default=_WINDOW if _WINDOW in windows else windows[0],
            format_func=lambda days: words("days", days=days),
            key="window_days",
            required=True,
        )
        steps = view.step(view.some(view.rows("conversion_steps", window_days=window)))
        _one_segment(view)
        view.chart(charts.step_rates(steps, words), "conversion")
        step = right.selectbox(words("look_closer"), list(steps["step"]), index=len(steps) - 1, key="step")
        chosen = steps[steps["step"] == step].iloc[0]
    if chosen is None:
        return
    ends = {"from_stage": chosen["from_stage"], "to_stage": chosen["to_stage"], "window_days": window}
    colour = next((one.colour for one in words.stages if one.stage == chosen["from_stage"]), MAIN)
    left, right = st.columns(2)
    with left, view.part("trend", step=step):
        view.chart(charts.rate_trend(view.some(view.rows("conversion_trend", **ends)), words, colour), "trend")
    with right, view.part("by", step=step):
        names = dimensions(words)
        dimension = st.segmented_control(
            words("by"), list(names), default="channel", format_func=names.get, key="by", required=True
        )
        rows = view.named(
            view.some(view.rows("conversion_by", dimension=dimension, **ends)), "segment_value", dimension
        )
        if rows["conversion_rate"].isna().all():
            raise NoRowsError
        extra = ("cohort_count", "converted_count")
        view.chart(
            charts.named_bars(
                rows,
                words,
                "segment_value_label",
                "conversion_rate",
                _CONVERSION,
                style=".0%",
                colour=colour,
                extra=extra,
            ),
            "by_chart",
        )


def _one_segment(view: View) -> None:
    """Say which filter counts here: cohorts are held for one dimension at a time."""
    if len(view.filters.chosen) > 1:
        st.warning(view.words("one_dimension", dimension=view.words(view.filters.segment[0])), icon=":material/info:")
