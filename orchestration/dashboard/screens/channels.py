"""Channels and return: what each channel and campaign cost, whom it brought, what came back."""

import streamlit as st

from orchestration.dashboard import charts, figures
from orchestration.dashboard.view import View

_TABLE = "mart_channel_efficiency"
_VIEWS = ("same_month", "cohort")
# A channel has two bars; the months beside them stand as tall.
_CHANNEL_HEIGHT, _LEAST_HEIGHT = 30, 300
_SIDES = ("acquisition", "retention")


def show(view: View) -> None:
    """Show the page."""
    view.head("channels", "period", "channel")
    words = view.words
    left, right = st.columns(2)
    chosen = {
        "view_type": left.segmented_control(
            words("view_type"),
            _VIEWS,
            default="same_month",
            format_func=lambda one: words.value("view_type", one),
            key="view_type",
            required=True,
            help=words("view_type_help"),
        ),
        "side": right.segmented_control(
            words.label(_TABLE, "side"),
            _SIDES,
            default="acquisition",
            format_func=lambda one: words.value("side", one),
            key="side",
            required=True,
        ),
    }
    _cards(view, chosen)
    left, right = st.columns(2)
    with left, view.part("money", currency=view.currency):
        rows = view.some(view.rows("channel_efficiency", **chosen))
        view.chart(figures.channel_money(rows, words, view.currency), "money")
    with right, view.part("money_months", currency=view.currency):
        tall = max(_LEAST_HEIGHT, len(view.rows("channel_efficiency", **chosen)) * _CHANNEL_HEIGHT)
        rows = view.some(view.rows("channel_months", **chosen))
        view.chart(
            charts.two_lines(rows, words, ("cost_amount", "revenue_amount"), _TABLE, view.currency, tall),
            "money_months",
        )
    with view.part("per_channel", currency=view.currency):
        rows = view.some(view.rows("channel_efficiency", **chosen))
        columns = ["channel", "cost_amount", "lead_count", "cost_per_lead", "mql_count", "cost_per_mql"]
        view.table(rows, _TABLE, [*columns, "customer_count", "cost_per_customer", "revenue_amount", "roi"])
        if rows["unconverted_cost_count"].sum() > 0:
            st.warning(
                words("unconverted", count=words.number(rows["unconverted_cost_count"].sum())),
                icon=":material/currency_exchange:",
            )
    with view.part("campaigns", currency=view.currency):
        rows = figures.with_campaigns(view.some(view.rows("campaigns")), words)
        columns = ["campaign_name", "channel", "cost_amount", "budget_amount", "lead_count", "mql_count"]
        view.table(
            rows,
            "mart_campaign_roi",
            [*columns, "customer_count", "pipeline_amount", "revenue_amount", "roi", "payback_days"],
        )


def _cards(view: View, chosen: dict[str, str]) -> None:
    rows = view.rows("channel_efficiency", **chosen)
    if rows.empty:
        return
    cost, revenue = rows["cost_amount"].sum(), rows["revenue_amount"].sum()
    leads, customers = rows["lead_count"].sum(), rows["customer_count"].sum()
    words = view.words
    figures_shown = (
        (f"{words.label(_TABLE, 'cost_amount')}, {view.currency}", words.short(cost)),
        (f"{words.label(_TABLE, 'revenue_amount')}, {view.currency}", words.short(revenue)),
        (words.label(_TABLE, "cost_per_lead"), words.short(cost / leads if leads else None)),
        (words.label(_TABLE, "cost_per_customer"), words.short(cost / customers if customers else None)),
        (words.label(_TABLE, "roi"), words.percent((revenue - cost) / cost if cost else None, 0)),
    )
    for place, (label, figure) in zip(st.columns(len(figures_shown)), figures_shown, strict=True):
        place.metric(label, figure, border=True)
