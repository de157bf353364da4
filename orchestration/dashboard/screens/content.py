"""Content: what is read in which part of the journey, what it moves, where it lacks, and who only looks or acts."""

import streamlit as st

from orchestration.dashboard import charts
from orchestration.dashboard.view import View

_ITEMS = ("journey_stage", "content_type", "content")
_SHOWN_BARS = 15


def show(view: View) -> None:
    """Show the page."""
    view.head("content", "period")
    words = view.words
    left, right = st.columns(2)
    with left, view.part("content_stages"):
        rows = view.some(view.rows("content_stages"))
        summed = rows.groupby("journey_stage", as_index=False)[["content_count", "touched_count", "touch_count"]].sum()
        summed = view.named(summed, "journey_stage")
        view.chart(
            charts.part_of_whole(
                summed, words, "journey_stage_label", ("touched_count", "content_count"), "dim_content"
            ),
            "content_stages",
        )
    with right, view.part("paths"):
        rows = view.named(view.some(view.rows("intent_paths")), "path")
        view.chart(
            charts.named_lines(rows, words, "share_of_visitors", "path_label", "mart_intent_path", ".1%"), "paths"
        )
    with view.part("content_performance"):
        _performance(view)
    with view.part("content_gap"):
        rows = view.some(view.rows("content_gap"))
        rows = rows.assign(
            dimension_value=[
                words.value(kind, value)
                for kind, value in zip(rows["dimension_type"], rows["dimension_value"], strict=True)
            ],
            dimension_type=[words.value("dimension", value) for value in rows["dimension_type"]],
            state=[words.value("gap", value) for value in rows["state"]],
        )
        view.table(rows, "mart_content_gap", list(rows.columns))
    with view.part("content_top"):
        rows = view.some(view.rows("content_top"))
        columns = ["title", "content_type", "topic", "journey_stage", "person_count", "touch_count", "last_seen_at"]
        view.table(rows, "dim_content", columns)
    with view.part("products"):
        rows = view.some(view.rows("product_interest"))
        view.chart(
            charts.named_bars(
                rows, words, "product_id", "person_count", "mart_segment", extra=("account_count", "touch_count")
            ),
            "products",
        )


def _performance(view: View) -> None:
    """Show what was looked at and what followed, by part of the journey, type or piece."""
    words = view.words
    windows = [int(days) for days in view.some(view.rows("content_windows"))["window_days"]]
    left, right = st.columns(2)
    item_type = left.segmented_control(
        words("by"),
        _ITEMS,
        default=_ITEMS[0],
        format_func=lambda one: words.value("item_type", one),
        key="item_type",
        required=True,
    )
    window = right.segmented_control(
        words.label("mart_content_performance", "window_days"),
        windows,
        default=windows[-1],
        format_func=lambda days: words("days", days=days),
        key="content_window",
        required=True,
    )
    rows = view.some(view.rows("content_performance", item_type=item_type, window_days=window))
    kind = "content_type" if item_type == "content_type" else "journey_stage"
    names = [words.value(kind, item) for item in rows["item_id"]]
    if item_type == "content":
        names = [title or item for title, item in zip(rows["title"], rows["item_id"], strict=True)]
    rows = rows.assign(item_label=names)
    judged = rows.dropna(subset=["influence"]).drop_duplicates("item_label").head(_SHOWN_BARS)
    if not judged.empty:
        view.chart(charts.influence_ranges(judged, words, "item_label"), "influence")
    columns = [
        "item_label",
        "view_count",
        "person_count",
        "mean_dwell_seconds",
        "judged_count",
        "moved_rate",
        "base_rate",
    ]
    view.table(
        rows,
        "mart_content_performance",
        [*columns, "influence", "is_small_sample"],
        {"item_label": words.value("item_type", item_type)},
    )
