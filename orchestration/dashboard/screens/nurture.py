"""Nurture and routing: who must act now, whether answering soon pays, whom we may contact, and who gets which touch next."""

import streamlit as st

from orchestration.dashboard import charts
from orchestration.dashboard.palette import BAD, CARE, GOOD, MAIN
from orchestration.dashboard.published import NotPublishedError
from orchestration.dashboard.view import View

_STATES = {"due": GOOD, "planned": MAIN, "resting": CARE, "blocked": BAD}


def show(view: View) -> None:
    """Show the page."""
    view.head("nurture", "channel", "region", "industry")
    words = view.words
    _cards(view)
    with view.part("queue"):
        rows = view.with_people(view.some(view.rows("routing_queue")), ["full_name"])
        columns = [
            *_who(view),
            "next_step",
            "owner_id",
            "due_at",
            "hours_left",
            "is_overdue",
            "route",
            "grade",
            "score",
        ]
        view.table(rows, "mart_routing_queue", columns, _names(view))
    left, right = st.columns(2)
    with left, view.part("response"):
        rows = view.named(
            view.some(view.rows("response_time").dropna(subset=["accept_rate"])), "segment_value", "bucket"
        )
        view.chart(
            charts.rate_with_range(rows, words, "segment_value_label", "accept_rate", "mart_sdr_performance"),
            "response",
        )
    with right, view.part("contact"):
        rows = view.named(view.some(view.rows("contactability")), "channel", "contact_channel")
        view.chart(
            charts.part_of_whole(rows, words, "channel_label", ("contactable_count", "person_count"), "mart_segment"),
            "contact",
        )
    with view.part("contact_reasons"):
        rows = view.named(view.some(view.rows("contact_reasons")), "channel", "contact_channel")
        rows = rows.assign(channel=rows["channel_label"])
        view.table(
            rows,
            "mart_contactability",
            ["channel", "is_contactable", "reason", "person_count"],
            {"person_count": words.label("mart_segment", "person_count")},
        )
    with view.part("nurture_states"):
        rows = view.named(view.named(view.some(view.rows("nurture_states")), "programme"), "state")
        colours = {words.value("state", name): colour for name, colour in _STATES.items()}
        view.chart(
            charts.shares_stacked(
                rows,
                words,
                "programme_label",
                "state_label",
                "person_count",
                colours,
                words.label("mart_segment", "person_count"),
            ),
            "nurture_states",
        )
    with view.part("nurture_queue"):
        rows = view.with_people(view.spoken(view.some(view.rows("nurture_queue"))), ["full_name"])
        rows = view.named(rows, "channel", "contact_channel")
        rows = rows.assign(channel=rows["channel_label"])
        columns = [*_who(view), "due_at", "programme", "step", "label", "channel", "stage", "state", "sent_count"]
        view.table(rows, "mart_nurture_queue", columns, {**_names(view), "label": words("touch")})
    with view.part("segments"):
        rows = view.spoken(view.some(view.rows("people_segments")))
        view.chart(
            charts.part_of_whole(rows, words, "label", ("contactable_count", "person_count"), "mart_segment"),
            "segments",
        )


def _who(view: View) -> list[str]:
    return ["person_id", "full_name"] if view.shows_people else ["person_id"]


def _names(view: View) -> dict[str, str]:
    return {"full_name": view.words.label("dim_person", "full_name")}


def _cards(view: View) -> None:
    words = view.words
    try:
        rows = view.rows("routing_open")
    except NotPublishedError:
        return
    waiting = rows[rows["next_step"] != "new_engagement"]
    pool = rows[rows["next_step"] == "new_engagement"]
    first = rows[rows["next_step"] == "first_touch"]
    shown = (
        (words.value("next_step", "first_touch"), words.number(first["open_count"].sum())),
        (words("waiting_all"), words.number(waiting["open_count"].sum())),
        (words("overdue"), words.number(waiting["overdue_count"].sum())),
        (words("in_pool"), words.number(pool["open_count"].sum())),
    )
    for place, (label, figure) in zip(st.columns(len(shown)), shown, strict=True):
        place.metric(label, figure, border=True)
