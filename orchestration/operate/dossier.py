"""Everything that the published files know of one person, as plain facts: what `leadrelay explain` shows and `--json` hands on.

Reads the published version only, never the warehouse. Tables with personal data are read from the people file, which its owner alone
may open; all others from the open one. What does not belong here: how it looks (`explain`) and how chains are found (`evidence`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import LeadrelayError
from orchestration.operate.evidence import Link, shortest_chains
from orchestration.publish.build import MARTS_FILE, PEOPLE_FILE, SCHEMA
from orchestration.publish.versions import published_version, read_manifest
from orchestration.settings import Settings
from orchestration.sql import quote_identifier, quote_literal

_SHOWN_CANDIDATES = 10
_MIN_PHONE_DIGITS = 7
_MIN_PREFIX = 4
_PHONE_TEXT = re.compile(r"[\d\s()+./-]+")
_NEEDED_TABLES = frozenset({"mart_identity_edge", "mart_identity_guarded", "mart_identity_decision"})

Dossier = dict[str, Any]


class NobodyKnownError(LeadrelayError):
    """Nobody that is published has what was asked for."""


# From the surest meaning of what was typed to the loosest; the first that finds anybody counts.
_SEARCHES: Sequence[tuple[str, str]] = (
    ("person", "select person_id from dim_person where person_id = $id"),
    ("retired_person", "select person_id from open_redirects where retired_person_id = $id"),
    ("record", "select person_id from bridge_person_record where record_id = $id or record_key = $id"),
    (
        "identifier",
        """
        select person_id from dim_person
        where lower(email) = lower($id)
            or (length($digits) > 0 and regexp_replace(phone, '[^0-9]', '', 'g') like '%' || $digits)
        union
        select person_id from bridge_person_identifier
        where lower(identifier_value) = lower($id)
            or (length($digits) > 0 and identifier_type = 'phone' and identifier_value like '%' || $digits)
        """,
    ),
)
_RECORDS = """
    select record_id, source_table, source_system, record_key, link_rule, observed_at
    from bridge_person_record
    where person_id = $id
    -- as the person's id was chosen: the earliest-loaded record first
    order by load_sequence, source_table, source_system, record_key
"""
_SCORE = """
    select score, fit_score, behaviour_score, score_display, grade, mql_blockers, as_of
    from fct_person_score
    where person_id = $id
"""
_SECTIONS: Mapping[str, str] = {
    "identifiers": """
        select identifier_type, identifier_value, first_seen_at, last_seen_at, record_count, is_usable, guard_reason
        from bridge_person_identifier
        where person_id = $id
        order by is_usable desc, identifier_type, first_seen_at, identifier_value
    """,
    "guarded": """
        select
            guarded.identifier_type, guarded.identifier_value, guarded.guard_reason, guarded.reason_en, guarded.record_count,
            guarded.name_count, guarded.contact_count, guarded.refused_link_count, guarded.guarded_since_at, guarded.what_to_do
        from mart_identity_guarded as guarded
        where (guarded.identifier_type, guarded.identifier_value) in (
            select (identifier_type, identifier_value) from bridge_person_identifier where person_id = $id
        )
        order by guarded.refused_link_count desc, guarded.identifier_type, guarded.identifier_value
    """,
    "refused_links": """
        select
            case when person_id_a = $id then record_id_a else record_id_b end as record_id,
            case when person_id_a = $id then record_id_b else record_id_a end as other_record_id,
            case when person_id_a = $id then person_id_b else person_id_a end as other_person_id,
            link_rule, link_value, refused_because, match_weight
        from mart_identity_edge
        where not is_admitted and (person_id_a = $id or person_id_b = $id)
        order by trust_rank, link_rule, link_value, other_record_id, record_id
    """,
    "decisions": """
        with own as (
            select identifier_type, identifier_value from bridge_person_identifier where person_id = $id
            union
            select 'record', record_id from bridge_person_record where person_id = $id
        )

        select decision, left_type, left_value, right_type, right_value, effect, decided_by, decided_at, reason
        from mart_identity_decision
        where (left_type, left_value) in (select (identifier_type, identifier_value) from own)
            or (right_type, right_value) in (select (identifier_type, identifier_value) from own)
        order by decided_at, decision_id
    """,
    "stages": """
        select track, cycle_number, stage_label, direction, entered_at, exited_at, signal, evidence_kind, score_at_entry, route
        from fct_lifecycle_transition
        where person_id = $id
        order by track, entered_at, cycle_number, stage_rank
    """,
    # Each line decays to the night's moment and is cut by the rejections that came at or after it, so that the lines sum to the score.
    "scores": """
        with events as (
            select * from fct_score_event where person_id = $id
        ),

        cuts as (
            select events.score_event_id, product(rejections.score_factor) as factor
            from events
            inner join events as rejections
                on rejections.score_kind = 'rejection' and rejections.occurred_at >= events.occurred_at
            where events.score_kind = 'behaviour'
            group by events.score_event_id
        )

        select
            events.occurred_at, events.score_kind, events.rule_id, events.points, events.half_life_days, events.score_factor,
            events.points
            * case
                when events.half_life_days is null then 1
                else pow(2, -(epoch(scores.as_of) - epoch(events.occurred_at)) / 86400.0 / events.half_life_days)
            end
            * coalesce(cuts.factor, 1) as points_now,
            events.why, events.record_id
        from events
        left join cuts on events.score_event_id = cuts.score_event_id
        cross join (select as_of from fct_person_score where person_id = $id) as scores
        order by events.occurred_at desc nulls last, events.score_event_id
    """,
}


def gather(settings: Settings, identity: str, between: Sequence[str] = ()) -> Dossier:
    """Return everything about one person.

    Parameters
    ----------
    settings
        The home.
    identity
        A person_id (a retired one leads to its successor), a record id or key, an e-mail address, or a phone number in any notation.
    between
        Two records (id, its beginning, key, or the number that the screen shows, such as ``#3``): only the chain between them.
        Default: the chains from the earliest record to each other.

    Returns
    -------
    dict
        As `docs/reference/explain.md` describes it; times are `datetime`, UTC without zone.

    Raises
    ------
    LeadrelayError
        If nothing is published, the version is of an older leadrelay, nobody has the identity, several persons do, or a record of
        ``between`` is not this person's.
    """
    folder = published_version(settings.published_dir)
    with _open(folder) as connection:
        kind, person_id = _find(connection, identity.strip())
        records = _rows(connection, _RECORDS, person_id)
        for number, record in enumerate(records, start=1):
            record["number"] = number
        manifest = read_manifest(settings.published_dir) or {}
        return {
            "person_id": person_id,
            "asked_for": {"kind": kind, "value": identity.strip()},
            "as_of": manifest.get("as_of"),
            "version": manifest.get("version"),
            "profile": _rows(connection, "select * from dim_person where person_id = $id", person_id)[0],
            "records": records,
            "chains": _chains(connection, person_id, records, between),
            **{name: _rows(connection, query, person_id) for name, query in _SECTIONS.items()},
            "score": _rows(connection, _SCORE, person_id)[0],
            "id_history": _id_history(connection, person_id),
        }


@dataclass(frozen=True)
class PersonKeys:
    """By what the published files know one person.

    Parameters
    ----------
    person_ids
        The person's id, then those that were merged into it.
    records
        ``source_table``, ``source_system`` and ``record_key`` of each record.
    record_ids
        Ids of the records.
    identifiers
        ``identifier_type`` and value, as the identity models write them.
    interactions
        Ids of the interactions that count as theirs.
    """

    person_ids: tuple[str, ...]
    records: tuple[tuple[str, str, str], ...]
    record_ids: tuple[str, ...]
    identifiers: tuple[tuple[str, str], ...]
    interactions: tuple[str, ...]


def find_person(settings: Settings, identity: str) -> PersonKeys | None:
    """Return by what the published files know a person, or None when nobody has the identity.

    Raises
    ------
    LeadrelayError
        If nothing is published, or several persons have it.
    """
    folder = published_version(settings.published_dir)
    with _open(folder) as connection:
        try:
            _, person_id = _find(connection, identity.strip())
        except NobodyKnownError:
            return None
        records = _rows(connection, _RECORDS, person_id)
        retired = _rows(
            connection, "select retired_person_id from open_redirects where person_id = $id order by 1", person_id
        )
        identifiers = _rows(connection, _SECTIONS["identifiers"], person_id)
        interactions = _rows(
            connection, "select interaction_id from fct_interaction where person_id = $id order by 1", person_id
        )
    return PersonKeys(
        person_ids=(person_id, *(row["retired_person_id"] for row in retired)),
        records=tuple((row["source_table"], row["source_system"], row["record_key"]) for row in records),
        record_ids=tuple(row["record_id"] for row in records),
        identifiers=tuple((row["identifier_type"], row["identifier_value"]) for row in identifiers),
        interactions=tuple(row["interaction_id"] for row in interactions),
    )


@contextmanager
def _open(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {quote_literal(str(folder / MARTS_FILE))} as a_masked (read_only)")
        connection.execute(f"attach {quote_literal(str(folder / PEOPLE_FILE))} as b_whole (read_only)")
        _name_tables(connection)
        yield connection


def _name_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Let each mart's plain name mean its whole copy, and the one without personal data where there is no other."""
    tables = connection.execute(
        "select table_name, max(database_name) from duckdb_tables() where schema_name = $schema group by table_name",
        {"schema": SCHEMA},
    ).fetchall()
    missing = _NEEDED_TABLES - {table for table, _ in tables}
    if missing:
        raise LeadrelayError(
            f"the published version is of an older leadrelay and lacks {', '.join(sorted(missing))}. Type: leadrelay run"
        )
    for table, database in tables:
        # `b_whole` sorts after `a_masked`.
        name = quote_identifier(table)
        connection.execute(
            f"create temporary view {name} as from {quote_identifier(database)}.{quote_identifier(SCHEMA)}.{name}"
        )
    # An un-merged id is its own again: only what is still merged leads elsewhere.
    is_open = "where valid_to is null" if "valid_to" in _columns(connection, "bridge_person_redirect") else ""
    connection.execute(f"create temporary view open_redirects as select * from bridge_person_redirect {is_open}")


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    return {row[0] for row in connection.execute(f"describe {quote_identifier(table)}").fetchall()}


def _find(connection: duckdb.DuckDBPyConnection, identity: str) -> tuple[str, str]:
    digits = re.sub(r"\D", "", identity) if _PHONE_TEXT.fullmatch(identity) else ""
    wanted = {"id": identity, "digits": digits if len(digits) >= _MIN_PHONE_DIGITS else ""}
    for kind, query in _SEARCHES:
        parameters = {name: value for name, value in wanted.items() if f"${name}" in query}
        found = sorted({row[0] for row in connection.execute(query, parameters).fetchall()})
        if len(found) > 1:
            shown = ", ".join(found[:_SHOWN_CANDIDATES])
            raise LeadrelayError(f"{len(found)} persons are known by that; ask for one of them: {shown}")
        if found:
            return kind, found[0]
    raise NobodyKnownError(
        "nobody is known by that. Give a person_id, a record id or key, an e-mail address or a phone number."
    )


def _rows(connection: duckdb.DuckDBPyConnection, query: str, person_id: str) -> list[dict[str, Any]]:
    cursor = connection.execute(query, {"id": person_id})
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _chains(
    connection: duckdb.DuckDBPyConnection,
    person_id: str,
    records: Sequence[Mapping[str, Any]],
    between: Sequence[str],
) -> list[dict[str, Any]]:
    if between:
        start, *ends = [_record_meant(connection, person_id, records, text) for text in between]
    else:
        start, *ends = [str(record["record_id"]) for record in records]
    links = [
        Link(**row)
        for row in _rows(
            connection,
            """
            select record_id_a, record_id_b, link_rule as rule, identifier_type, link_value as value, strength, trust_rank, match_weight
            from mart_identity_edge
            where is_admitted and person_id_a = $id
            """,
            person_id,
        )
    ]
    found = shortest_chains(links, start)
    return [
        {
            "from_record_id": start,
            "to_record_id": end,
            "is_connected": end in found,
            "steps": [asdict(step) for step in found.get(end, [])],
        }
        for end in ends
    ]


def _record_meant(
    connection: duckdb.DuckDBPyConnection, person_id: str, records: Sequence[Mapping[str, Any]], text: str
) -> str:
    """Return the record that a person typed: its number on the screen, its id or the beginning of it, or its key."""
    wanted = text.strip()
    meant = [
        str(record["record_id"])
        for record in records
        if wanted in {f"#{record['number']}", record["record_id"], record["record_key"]}
        or (len(wanted) >= _MIN_PREFIX and str(record["record_id"]).startswith(wanted))
    ]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise LeadrelayError(f"{len(meant)} records of this person are meant by {wanted}; give more of the record id")
    owners = connection.execute(
        "select distinct person_id from bridge_person_record where record_id = $id or record_key = $id", {"id": wanted}
    ).fetchall()
    if owners:
        raise LeadrelayError(
            f"the record {wanted} is not of person {person_id} but of {', '.join(sorted(row[0] for row in owners))}: no chain of evidence "
            "joins them. Links that were refused stand in each person's explanation."
        )
    raise LeadrelayError(
        f"no record of this person is meant by {wanted}. Give a record id, a record key or a number such as #2 from the list of records."
    )


def _id_history(connection: duckdb.DuckDBPyConnection, person_id: str) -> list[dict[str, Any]]:
    """Return merges into and out of this person; a merge that was undone has an end."""
    columns = _columns(connection, "bridge_person_redirect")
    merged_at = "valid_from" if "valid_from" in columns else "merged_at"
    undone_at = "valid_to" if "valid_to" in columns else "cast(null as timestamp)"
    return _rows(
        connection,
        f"""
        select retired_person_id, person_id, because, load_id, {merged_at} as merged_at, {undone_at} as undone_at
        from bridge_person_redirect
        where person_id = $id or retired_person_id = $id
        order by {merged_at} desc nulls last, retired_person_id, person_id
        """,
        person_id,
    )
