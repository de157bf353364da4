"""One person on one screen, or as JSON: records, the evidence that joins them, what was refused, merges, stages, score.

Reads the published files; the people file may be read by its owner only. The output is personal data for the person who asked and is
printed, never logged. What does not belong here: gathering the facts (`dossier`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from orchestration.operate.dossier import gather
from orchestration.settings import Settings

_SHOWN_ROWS = 15
_SHOWN_WIDTH = 44

_Row = Mapping[str, Any]


def explain(settings: Settings, identity: str, between: Sequence[str] = ()) -> str:
    """Return everything about one person as text, long lists cut.

    Parameters
    ----------
    settings
        The home.
    identity
        A person_id (a retired one leads to its successor), a record id or key, an e-mail address or a phone number in any notation.
    between
        Two records: show the chain of evidence between them instead of those from the earliest record to each other.

    Raises
    ------
    LeadrelayError
        If nothing is published, nobody has the identity, or several persons do; the latter are listed.
    """
    dossier = gather(settings, identity, between)
    numbers = {record["record_id"]: f"#{record['number']}" for record in dossier["records"]}
    lines = [*_profile_lines(dossier), *_records(dossier["records"])]
    lines += _chain(dossier, numbers) if between else _chains(dossier["chains"], numbers)
    lines += _section("Identifiers", dossier["identifiers"], _IDENTIFIER_COLUMNS)
    lines += _section("Guarded: identifiers that link nobody", dossier["guarded"], _GUARDED_COLUMNS)
    lines += _section("Refused links", [_refused(row, numbers) for row in dossier["refused_links"]])
    lines += _section("Merges and un-merges", [_merge(row, dossier["person_id"]) for row in dossier["id_history"]])
    lines += _section("Steward decisions", dossier["decisions"])
    lines += _section("Stages", dossier["stages"], hide_empty=False)
    lines += _section("Score", dossier["scores"], _SCORE_COLUMNS, hide_empty=False)
    lines += _score_lines(dossier)
    return "\n".join(lines)


def explain_as_json(settings: Settings, identity: str, between: Sequence[str] = ()) -> str:
    """Return the same as `explain`, nothing cut, as the JSON document of ``docs/reference/explain.md``."""
    return json.dumps(gather(settings, identity, between), indent=2, ensure_ascii=False, default=_plain)


_IDENTIFIER_COLUMNS = (
    "identifier_type",
    "identifier_value",
    "first_seen_at",
    "last_seen_at",
    "record_count",
    "guard_reason",
)
_SCORE_COLUMNS = (
    "occurred_at",
    "score_kind",
    "rule_id",
    "points",
    "half_life_days",
    "score_factor",
    "points_now",
    "why",
)
_GUARDED_COLUMNS = (
    "identifier_type",
    "identifier_value",
    "reason_en",
    "record_count",
    "name_count",
    "refused_link_count",
    "guarded_since_at",
)
_PROFILE_LINES: Sequence[tuple[str, Sequence[str]]] = (
    ("name", ("full_name", "job_title", "department")),
    ("company", ("company", "industry", "company_size")),
    ("account", ("account_id", "account_rule")),
    ("contact", ("email", "phone")),
    ("place", ("city", "region", "country")),
    ("stage", ("stage", "cycle_number", "route", "stage_entered_at")),
    ("score", ("score_display", "grade", "fit_score", "behaviour_score")),
    ("seen", ("first_seen_at", "befriended_at", "identified_at")),
)
_FLAGS = ("is_anonymous", "is_test", "is_competitor", "is_cleaned_out")


def _profile_lines(dossier: Mapping[str, Any]) -> list[str]:
    profile = dossier["profile"]
    lines = [f"person    {dossier['person_id']}   (published as of {dossier['as_of']})"]
    if dossier["asked_for"]["kind"] == "retired_person":
        lines.append(f"asked for {dossier['asked_for']['value']}, an id that was merged into this person")
    for title, names in _PROFILE_LINES:
        parts = [f"{name}={_text(profile[name])}" for name in names if profile.get(name) is not None]
        if parts:
            lines.append(f"{title:<9} {'  '.join(parts)}")
    flags = [name.removeprefix("is_") for name in _FLAGS if profile.get(name)]
    if flags:
        lines.append(f"is        {', '.join(flags)}")
    return lines


def _score_lines(dossier: Mapping[str, Any]) -> list[str]:
    """Return what the lines of the score come to, and what keeps the person from being an MQL by score."""
    score = dossier["score"]
    lines = []
    if dossier["scores"]:
        lines.append(
            f"  points_now sum to {_text(score['score'])}: fit {_text(score['fit_score'])}, "
            f"behaviour {_text(score['behaviour_score'])}, grade {_text(score['grade'])}"
        )
    if score["mql_blockers"]:
        lines.append(f"  missing for an MQL by score: {', '.join(score['mql_blockers'])}")
    return lines


def _records(records: Sequence[_Row]) -> list[str]:
    return _section(
        "Records",
        [
            {
                "no": f"#{record['number']}",
                "record_id": record["record_id"],
                "source_table": record["source_table"],
                "record_key": "" if record["record_key"] == record["record_id"] else record["record_key"],
                "observed_at": record["observed_at"],
                "link_rule": record["link_rule"],
            }
            for record in records
        ],
    )


def _chains(chains: Sequence[_Row], numbers: Mapping[str, str]) -> list[str]:
    """Return one line per record: the way from the earliest record to it."""
    lines = ["", f"Evidence: the shortest chain from the earliest record to each other ({len(chains)})"]
    for chain in chains[:_SHOWN_ROWS]:
        told = numbers[chain["from_record_id"]]
        for step in chain["steps"]:
            told += f" --{_evidence(step)}-- {numbers[step['to_record_id']]}"
        if not chain["is_connected"]:
            told += f"   no published link leads to {numbers[chain['to_record_id']]}"
        lines.append(f"  {told}")
    return lines + _more(len(chains))


def _chain(dossier: Mapping[str, Any], numbers: Mapping[str, str]) -> list[str]:
    """Return one chain, a line per record and a line per link."""
    records = {record["record_id"]: record for record in dossier["records"]}
    lines: list[str] = []
    for chain in dossier["chains"]:
        ends = f"{numbers[chain['from_record_id']]} and {numbers[chain['to_record_id']]}"
        lines += ["", f"Evidence: the shortest chain between {ends} ({len(chain['steps'])} links)"]
        lines.append(f"  {_record_line(records[chain['from_record_id']])}")
        for step in chain["steps"]:
            lines.append(f"      |  {_evidence(step)}")
            lines.append(f"  {_record_line(records[step['to_record_id']])}")
        if not chain["is_connected"]:
            lines.append("  no published link leads from the one to the other")
    return lines


def _record_line(record: _Row) -> str:
    parts = [f"#{record['number']}", record["source_table"], record["record_key"], _text(record["observed_at"])]
    return "  ".join(part for part in parts if part)


def _evidence(step: _Row) -> str:
    """Return one link in words: what is shared, and what else had to be so."""
    words = f"{step['rule'].replace('_', ' ')} {_shorten(step['value'] or '')}".strip()
    if step["rule"] == "steward":
        words = f"steward {step['value'] or ''} says so".replace("  ", " ")
    elif step["strength"] == "weak":
        words += ", names agree"
    if step["match_weight"] is not None:
        words += f", {step['match_weight']:.1f} bits"
    return words


def _refused(row: _Row, numbers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "record": numbers[row["record_id"]],
        "shares": f"{row['link_rule']} {row['link_value'] or ''}".strip(),
        "with_record": row["other_record_id"],
        "of_person": row["other_person_id"],
        "refused_because": row["refused_because"],
    }


def _merge(row: _Row, person_id: str) -> dict[str, Any]:
    what = "merged into this person" if row["person_id"] == person_id else f"merged into {row['person_id']}"
    return {
        "merged_at": row["merged_at"],
        "id": row["retired_person_id"],
        "what": what if row["undone_at"] is None else f"was {what}",
        "because": row["because"],
        "undone_at": row["undone_at"],
    }


def _section(
    title: str, rows: Sequence[_Row], columns: Sequence[str] | None = None, *, hide_empty: bool = True
) -> list[str]:
    if not rows:
        return [] if hide_empty else ["", f"{title} (0)"]
    names = list(columns or rows[0])
    shown = [[_shorten(_text(row[name])) for name in names] for row in rows[:_SHOWN_ROWS]]
    kept = [index for index in range(len(names)) if any(row[index] for row in shown)]
    widths = {index: max([len(names[index]), *(len(row[index]) for row in shown)]) for index in kept}
    lines = ["", f"{title} ({len(rows)})"]
    lines += [
        "  " + "  ".join(cells[index].ljust(widths[index]) for index in kept).rstrip() for cells in [names, *shown]
    ]
    return lines + _more(len(rows))


def _more(count: int) -> list[str]:
    return [f"  ... and {count - _SHOWN_ROWS} more (--json shows all)"] if count > _SHOWN_ROWS else []


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN_WIDTH else f"{text[: _SHOWN_WIDTH - 1]}…"


def _text(value: Any) -> str:  # noqa: ANN401 - any DuckDB value
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.2f}"
    return str(value).split(".", maxsplit=1)[0] if isinstance(value, date) else str(value)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any DuckDB value
    """Return what JSON has no word for: times as ISO 8601 in UTC, decimals as numbers, anything else as text."""
    kinds: Sequence[tuple[type, Callable[[Any], Any]]] = ((date, lambda moment: moment.isoformat()), (Decimal, float))
    return next((convert(value) for kind, convert in kinds if isinstance(value, kind)), str(value))
