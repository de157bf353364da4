"""Attribution: which channels and campaigns had a part in what was reached, by every model, and what would be missing without them."""

import streamlit as st

from orchestration.dashboard import charts, figures
from orchestration.dashboard.view import View

_TABLE = "mart_attribution"


def show(view: View) -> None:
    """Show the page."""
    view.head("attribution", "period", "channel")
    words = view.words
    targets = view.rows("attribution_targets")
    with view.part("target"):
        names = list(view.some(targets)["target_type"])
        target = st.segmented_control(
            words.label(_TABLE, "target_type"),
            names,
            default="revenue" if "revenue" in names else names[0],
            format_func=lambda one: words.value("target_type", one),
            key="target_type",
            required=True,
        )
        row = targets[targets["target_type"] == target].iloc[0]
        left, right = st.columns(2)
        left.metric(words("targets_reached"), words.number(row["target_count"]), border=True)
        right.metric(
            words("amount_in", currency=row["reporting_currency"] or view.currency),
            words.short(row["credit_amount"]),
            border=True,
        )
    if targets.empty:
        return
    asked = {"target_type": target}
    left, right = st.columns([3, 2])
    with left, view.part("credits"):
        rows = view.some(view.rows("attribution_channels", **asked))
        view.chart(figures.credits_of_models(rows, words, view.currency), "credits")
    with right, view.part("removal"):
        rows = view.named(view.some(view.rows("removal", **asked)), "channel")
        view.chart(
            charts.named_bars(
                rows[rows["removal_effect"] > 0],
                words,
                "channel_label",
                "removal_effect",
                "mart_channel_removal",
                style=".0%",
                extra=("target_count",),
            ),
            "removal",
        )
    with view.part("credit_table", currency=view.currency):
        rows = view.some(view.rows("attribution_channels", **asked))
        value = "credit_amount" if rows["credit_amount"].notna().any() else "credit_share"
        label = f"model_label_{words.language}"
        wide = view.named(rows, "channel").pivot_table(
            index="channel_label", columns=label, values=value, aggfunc="sum", fill_value=0
        )
        usual = rows.loc[rows["is_default_model"], label].min()
        wide = wide[[usual, *(name for name in wide.columns if name != usual)]].sort_values(usual, ascending=False)
        shown = wide.reset_index().rename(columns={"channel_label": words.label(_TABLE, "channel")})
        st.dataframe(
            shown,
            hide_index=True,
            width="stretch",
            column_config={
                name: st.column_config.NumberColumn(
                    name, format="localized", step=1 if value == "credit_amount" else 0.1
                )
                for name in wide.columns
            },
        )
    with view.part("credit_campaigns", currency=view.currency):
        rows = figures.with_campaigns(view.some(view.rows("attribution_campaigns", **asked)), words)
        columns = ["campaign_name", "channel", "touch_count", "targets_credited", "credit_amount"]
        labels = {
            "campaign_name": words.label("mart_campaign_roi", "campaign_name"),
            "targets_credited": words("targets_credited"),
        }
        view.table(rows, _TABLE, columns, labels)
