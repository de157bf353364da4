"""Data quality: how fresh the data is, what was put aside, which checks failed, how identity did."""

import streamlit as st

from orchestration.dashboard import charts
from orchestration.dashboard.view import View


def show(view: View) -> None:
    """Show the page."""
    view.head("quality")
    words = view.words
    manifest = view.version.manifest
    run_id = str(manifest.get("run_id"))
    checks = view.rows("checks", run_id=run_id)
    stale = list(manifest.get("stale_tables") or [])
    loads = (manifest.get("loads") or {}).get("all") or {}
    shown = (
        (words("checks_run"), words.number(checks["check_count"].sum())),
        (words("checks_failed"), words.number(checks["failed_count"].sum())),
        (words("stale_tables"), words.number(len(stale))),
        (words("rows_loaded"), words.short(loads.get("rows_loaded"))),
        (words("rows_aside"), words.number(manifest.get("quarantine_open"))),
    )
    for place, (label, figure) in zip(st.columns(len(shown)), shown, strict=True):
        place.metric(label, figure, border=True)
    if stale:
        st.error(words("stale_now", tables=", ".join(stale)), icon=":material/warning:")
    with view.part("failed"):
        failed = view.rows("failed_checks", run_id=run_id)
        if failed.empty:
            st.success(words("all_passed"), icon=":material/check_circle:")
        else:
            columns = ["severity", "gate", "table_name", "check_name", "unexpected_count", "evaluated_count", "message"]
            # The name stands beside it.
            messages = [
                (message or "").removeprefix(f"{name}: ")
                for name, message in zip(failed["check_name"], failed["message"], strict=True)
            ]
            view.table(failed.assign(message=messages), "ops_quality_result", columns)
    with view.part("loads"):
        rows = view.some(view.rows("loads"))
        view.table(rows, "ops_load", list(rows.columns), {"newest_arrival_at": words("newest_arrival")})
    left, right = st.columns(2)
    with left, view.part("hygiene"):
        rows = view.named(view.some(view.rows("hygiene")), "rule_id", "rule")
        view.chart(
            charts.named_bars(
                rows, words, "rule_id_label", "record_count", "mart_lead_hygiene", extra=("person_count",)
            ),
            "hygiene",
        )
    with right, view.part("anomalies"):
        rows = view.some(view.rows("anomalies"))
        view.table(
            rows,
            "mart_lifecycle_anomaly",
            ["anomaly", "fact_count", "person_count", "last_at"],
            {"person_count": words.label("mart_segment", "person_count"), "last_at": words("last_time")},
        )
    with view.part("identity"):
        rows = view.some(view.rows("identity_runs"))
        view.table(rows, "ops_identity_quality", list(rows.columns))
