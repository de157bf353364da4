"""All that is known of one person, with the evidence: records, identifiers, the walk through the stages, the score.

Reads the published files; the people file may be read by its owner only. The output is personal data for the person who asked and is
printed, never logged.
"""

from collections.abc import Sequence
from typing import Any

import duckdb

from orchestration.errors import LeadrelayError
from orchestration.publish.build import MARTS_FILE, PEOPLE_FILE, SCHEMA
from orchestration.publish.versions import current_version
from orchestration.settings import Settings
from orchestration.sql import quote_identifier, quote_literal

_SHOWN_ROWS = 40

_FIND = """
    select person_id from dim_person
    where person_id = $id or lower(email) = lower($id)
        or (length($digits) >= 7 and regexp_replace(phone, '[^0-9]', '', 'g') like '%' || $digits)
    union
    select person_id from bridge_person_identifier
    where lower(identifier_value) = lower($id) or (length($digits) >= 7 and identifier_value like '%' || $digits)
    union
    select person_id from bridge_person_redirect where retired_person_id = $id
"""
_SECTIONS: Sequence[tuple[str, str]] = (
    (
        "Records",
        """
        select observed_at, source_table, source_system, record_key, link_rule
        from bridge_person_record
        where person_id = $id
        order by observed_at nulls last, record_id
        """,
    ),
    (
        "Identifiers",
        """
        select identifier_type, identifier_value, first_seen_at, last_seen_at, record_count, is_usable, guard_reason
        from bridge_person_identifier
        where person_id = $id
        order by identifier_type, first_seen_at, identifier_value
        """,
    ),
    (
        "Stages",
        """
        select track, cycle_number, stage_label, direction, entered_at, exited_at, signal, evidence_kind, score_at_entry, route
        from fct_lifecycle_transition
        where person_id = $id
        order by track, entered_at, cycle_number, stage_rank
        """,
    ),
    (
        "Score",
        """
        select occurred_at, score_kind, rule_id, points, half_life_days, score_factor, why
        from fct_score_event
        where person_id = $id
        order by occurred_at desc nulls last, score_event_id
        """,
    ),
)


def explain(settings: Settings, identity: str) -> str:
    """Return everything about one person as text.

    Parameters
    ----------
    settings
        The home.
    identity
        A person_id (a retired one leads to its successor), an e-mail address or a phone number in any notation.

    Raises
    ------
    LeadrelayError
        If nothing is published, nobody has the identity, or several persons do; the latter are listed.
    """
    folder = current_version(settings.published_dir)
    if folder is None:
        raise LeadrelayError(f"nothing is published in {settings.published_dir} yet. Type: leadrelay run")
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {quote_literal(str(folder / MARTS_FILE))} as a_masked (read_only)")
        connection.execute(f"attach {quote_literal(str(folder / PEOPLE_FILE))} as b_whole (read_only)")
        _name_tables(connection)
        digits = "".join(character for character in identity if character.isdigit()) if "@" not in identity else ""
        found = sorted(
            row[0] for row in connection.execute(_FIND, {"id": identity.strip(), "digits": digits}).fetchall()
        )
        if not found:
            raise LeadrelayError("nobody is known by that. Give a person_id, an e-mail address or a phone number.")
        if len(found) > 1:
            raise LeadrelayError(
                f"{len(found)} persons are known by that; ask for one of them: {', '.join(found[:10])}"
            )
        return "\n".join(
            _profile(connection, found[0])
            + [line for section in _SECTIONS for line in _section(connection, *section, found[0])]
        )


def _name_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Let each mart's plain name mean its whole copy, and the one without personal data where there is no other."""
    tables = connection.execute(
        "select table_name, max(database_name) from duckdb_tables() where schema_name = $schema group by table_name",
        {"schema": SCHEMA},
    ).fetchall()
    for table, database in tables:
        # `b_whole` sorts after `a_masked`.
        name = quote_identifier(table)
        connection.execute(
            f"create temporary view {name} as from {quote_identifier(database)}.{quote_identifier(SCHEMA)}.{name}"
        )


def _profile(connection: duckdb.DuckDBPyConnection, person_id: str) -> list[str]:
    cursor = connection.execute("select * from dim_person where person_id = ?", [person_id])
    names = [column[0] for column in cursor.description]
    row = cursor.fetchone() or ()
    return [f"{name:<20} {_text(value)}" for name, value in zip(names, row, strict=True) if value is not None]


def _section(connection: duckdb.DuckDBPyConnection, title: str, query: str, person_id: str) -> list[str]:
    cursor = connection.execute(query, {"id": person_id})
    names = [column[0] for column in cursor.description]
    rows = cursor.fetchall()
    shown = [[_text(value) for value in row] for row in rows[:_SHOWN_ROWS]]
    widths = [max([len(name), *(len(row[index]) for row in shown)]) for index, name in enumerate(names)]
    lines = ["", f"{title} ({len(rows)})"]
    lines += [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        for cells in [names, *shown]
    ]
    if len(rows) > _SHOWN_ROWS:
        lines.append(f"  ... and {len(rows) - _SHOWN_ROWS} more")
    return lines


def _text(value: Any) -> str:  # noqa: ANN401 - any DuckDB value
    if value is None:
        return ""
    return (
        f"{value:.2f}"
        if isinstance(value, float)
        else str(value).split(".", maxsplit=1)[0]
        if hasattr(value, "isoformat")
        else str(value)
    )
