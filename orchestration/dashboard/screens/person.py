"""One person: who they are, by which evidence, what happened, which stages they went through, and where the score comes from.

With the people file everything is told by `orchestration.operate.dossier`, which `leadrelay explain` tells as well; without it only the
open marts are read, by person id.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from orchestration.dashboard import charts
from orchestration.dashboard.view import SHORT_ID, NoRowsError, View, plain
from orchestration.errors import LeadrelayError
from orchestration.operate.dossier import gather

_LANES = ("touch_inbound", "touch_outbound", "stage", "deal_opened", "deal_won", "deal_lost", "order")
_PROFILE = (
    ("company", "company"),
    ("job_title", "job_title"),
    ("email", "email"),
    ("phone", "phone"),
    ("region", "region"),
)


def show(view: View) -> None:
    """Show the page."""
    view.head("person")
    words = view.words
    if "person" not in st.session_state and (linked := st.query_params.get("person")):
        st.session_state["person"] = linked
    asked = st.text_input(
        words("whom"), key="person", placeholder=words("whom_example"), icon=":material/search:"
    ).strip()
    if not view.shows_people:
        st.warning(words("no_people_file_person"), icon=":material/lock:")
    if not asked:
        _suggest(view)
        return
    if not view.shows_people:
        _open_parts(view, asked)
        return
    try:
        dossier = gather(view.settings, asked)
    except LeadrelayError as error:
        st.warning(f"{words('nobody')} {error}", icon=":material/person_off:")
        return
    _profile(view, dossier)
    _open_parts(view, str(dossier["person_id"]))
    _score(view, dossier)
    _evidence(view, dossier)


def _suggest(view: View) -> None:
    with view.part("suggest"):
        rows = view.some(view.rows("some_persons"))
        for row in view.with_people(rows, ["full_name"]).to_dict("records"):
            known = row.get("full_name")
            name = known if isinstance(known, str) else row["person_id"][:SHORT_ID]
            st.button(
                plain(f"{name} · {view.words.stage(row['stage'])} · {row['entered_at']:%Y-%m-%d}"),
                key=f"suggest_{row['person_id']}",
                type="tertiary",
                on_click=_ask_for,
                args=(row["person_id"],),
            )


def _ask_for(person_id: str) -> None:
    st.session_state["person"] = person_id


def _profile(view: View, dossier: Mapping[str, Any]) -> None:
    words, profile, score = view.words, dossier["profile"], dossier["score"]
    with st.container(border=True):
        st.subheader(profile.get("full_name") or words("without_name"), anchor=False)
        st.caption(f"{dossier['person_id']} · {words('as_of', moment=str(dossier['as_of'])[:16].replace('T', ' '))}")
        told = [
            f"**{words.label('dim_person', column)}** {profile[name]}" for column, name in _PROFILE if profile.get(name)
        ]
        st.markdown(" · ".join(_quiet(text) for text in told) or words("nothing_known"))
        places = st.columns([2, 1, 1, 1])
        places[0].metric(words("stage"), words.stage(profile.get("stage")))
        places[1].metric(words("score"), words.number(score["score_display"], 1), help=words("score_help"))
        places[2].metric(words("grade"), score["grade"] or words.value("grade", None))
        places[3].metric(words("records"), words.number(len(dossier["records"])))
        if score["mql_blockers"]:
            missing = ", ".join(words.value("blocker", blocker) for blocker in score["mql_blockers"])
            st.caption(words("blockers", blockers=missing))


def _open_parts(view: View, person_id: str) -> None:
    """Show what the open marts know: the way through the stages, and everything that happened."""
    words = view.words
    with view.part("person_stages"):
        rows = view.some(view.rows("journey_stages", person_id=person_id))
        end = pd.Timestamp(view.version.as_of) if view.version.as_of else rows["entered_at"].max()
        rows = rows.assign(until=rows["exited_at"].fillna(end), stage_label_full=rows["stage_label"])
        view.chart(charts.stage_steps(rows, words), "person_stages")
        columns = [
            "stage_label",
            "entered_at",
            "exited_at",
            "stage_days",
            "direction",
            "signal",
            "score_at_entry",
            "route",
        ]
        view.table(rows, "fct_lifecycle_transition", [*columns, "channel"])
    with view.part("events_of_person"):
        rows = view.some(view.rows("journey", person_id=person_id))
        rows = _lanes(view, rows)
        view.chart(charts.journey_lanes(rows, words), "journey")
        columns = ["happened_at", "lane", "label", "channel", "amount", "currency"]
        view.table(rows.iloc[::-1], "mart_journey_timeline", columns, {"lane": words("kind"), "label": words("what")})


def _lanes(view: View, rows: pd.DataFrame) -> pd.DataFrame:
    words = view.words
    kinds = [
        f"touch_{direction}" if kind == "touch" else kind
        for kind, direction in zip(rows["event_kind"], rows["direction"], strict=True)
    ]
    return rows.assign(
        lane=[words.value("event_kind", kind) for kind in kinds],
        lane_order=[_LANES.index(kind) if kind in _LANES else len(_LANES) for kind in kinds],
        label=[
            label or words.value("event", name)
            for label, name in zip(rows[f"event_label_{words.language}"], rows["event_name"], strict=True)
        ],
        channel_label=[words.value("channel", channel) for channel in rows["channel"]],
    )


def _score(view: View, dossier: Mapping[str, Any]) -> None:
    score, words = dossier["score"], view.words
    with view.part("score_lines"):
        st.markdown(
            words(
                "score_sum",
                score=words.number(score["score"], 1),
                fit=words.number(score["fit_score"], 1),
                behaviour=words.number(score["behaviour_score"], 1),
            )
        )
        _rows(
            view,
            dossier["scores"],
            "fct_score_event",
            ("occurred_at", "score_kind", "rule_id", "points", "half_life_days", "points_now", "why"),
        )


def _evidence(view: View, dossier: Mapping[str, Any]) -> None:
    words = view.words
    numbers = {record["record_id"]: f"#{record['number']}" for record in dossier["records"]}
    with view.part("records_of_person"):
        columns = ("number", "source_table", "source_system", "record_key", "link_rule", "observed_at")
        _rows(view, dossier["records"], "bridge_person_record", columns)
    with view.part("chains"):
        if not dossier["chains"]:
            raise NoRowsError
        told = []
        for chain in dossier["chains"]:
            way = [numbers[chain["from_record_id"]]]
            way += [
                f"→ {_link(step, words.value('link', step['rule']))} → {numbers[step['to_record_id']]}"
                for step in chain["steps"]
            ]
            told.append(
                {
                    "record": numbers[chain["to_record_id"]],
                    "way": " ".join(way) if chain["is_connected"] else words("no_link"),
                }
            )
        _rows(view, told, "bridge_person_record", ("record", "way"))
    for key, name, mart in (
        ("identifiers_of_person", "identifiers", "bridge_person_identifier"),
        ("refused", "refused_links", "mart_identity_edge"),
        ("merges", "id_history", "bridge_person_redirect"),
    ):
        if dossier[name]:
            with view.part(key):
                _rows(view, dossier[name], mart, tuple(dossier[name][0]))


def _link(step: Mapping[str, Any], rule: str) -> str:
    told = f"{rule} {step['value'] or ''}".strip()
    return told if step["match_weight"] is None else f"{told} ({step['match_weight']:.1f} bits)"


def _rows(view: View, rows: Sequence[Mapping[str, Any]], mart: str, columns: Sequence[str]) -> None:
    if not rows:
        raise NoRowsError
    view.table(pd.DataFrame(rows), mart, list(columns))


def _quiet(text: str) -> str:
    """Return a text in which nothing is taken for a link or markup but the two stars at its beginning."""
    head, _, rest = text.partition("** ")
    return f"{head}** {plain(rest)}"
