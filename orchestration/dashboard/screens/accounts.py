"""Accounts: in which stage companies stand, whether the wanted ones know us, whom we know in them, and which markets are ripe."""

import streamlit as st

from orchestration.dashboard import charts
from orchestration.dashboard.palette import BAD, CARE, GOOD
from orchestration.dashboard.view import View

_COVERAGE = {"reachable": GOOD, "known": CARE, "missing": BAD}
_MARKETS = ("region", "industry")


def show(view: View) -> None:
    """Show the page."""
    view.head("accounts", "period", "region", "industry")
    words = view.words
    targets_only = st.toggle(words("targets_only"), key="targets_only")
    left, right = st.columns(2)
    with left, view.part("account_stages"):
        rows = view.some(view.rows("account_stages"))
        value = "target_account_count" if targets_only else "account_count"
        view.chart(
            charts.stage_bars(rows, words, value, "mart_market_segment", ("account_count", "target_account_count")),
            "account_stages",
        )
    with right, view.part("awareness"):
        rows = view.named(view.some(view.rows("account_awareness")), "list_name", "target_list")
        view.chart(
            charts.named_lines(rows, words, "awareness", "list_name_label", "mart_account_awareness", ".0%"),
            "awareness",
        )
    with view.part("coverage"):
        rows = view.some(view.rows("account_coverage", targets_only=targets_only))
        rows = view.named(view.spoken(rows, "role_label"), "coverage")
        colours = {words.value("coverage", name): colour for name, colour in _COVERAGE.items()}
        view.chart(
            charts.shares_stacked(
                rows, words, "role_label", "coverage_label", "account_count", colours, words("accounts_count")
            ),
            "coverage",
        )
    with view.part("engagement"):
        rows = view.some(view.rows("account_engagement", targets_only=targets_only))
        columns = ["account_name", "stage", "region", "industry", "is_target_account", "minutes", "estimated_share"]
        view.table(
            rows,
            "mart_account_engagement",
            [*columns, "event_minutes", "last_touch_at"],
            {name: words.label("dim_account", name) for name in ("account_name", "region", "industry")}
            | {"stage": words.label("fct_account_stage", "stage")},
        )
    with view.part("events"):
        rows = view.some(view.rows("event_reach"))
        columns = ["event_name", "event_type", "starts_at", "attendee_count", "identified_count"]
        view.table(
            rows, "mart_event_reach", [*columns, "target_account_count", "wanted_role_count", "reached_count", "reach"]
        )
    with view.part("markets", currency=view.currency):
        dimension = st.segmented_control(
            words("by"), _MARKETS, default="region", format_func=words, key="market", required=True
        )
        rows = view.some(view.rows("markets", dimension=dimension))
        rows = rows.assign(segment_value=[words.value(str(dimension), value) for value in rows["segment_value"]])
        columns = ["segment_value", "lead_count", "account_count", "opening_threshold", "is_ripe", "expected_amount"]
        view.table(
            rows,
            "mart_market_segment",
            [*columns, "target_amount", "is_funnel_enough", "market_amount_per_year"],
            {"segment_value": words(str(dimension))},
        )
