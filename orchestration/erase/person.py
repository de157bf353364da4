"""Who is meant, and everything that they are known by: rows of theirs in raw, and the values that nobody else has.

A value that another person's record bears as well (a switchboard, a shared mailbox) is named as shared; it is no reason to take out
that person's rows, and it stays where they stand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import duckdb

from orchestration.erase.identifiers import (
    CRM,
    DESCRIBING,
    EMAIL,
    MIN_PHONE_DIGITS,
    PHONE,
    RECORD,
    forms_query,
    forms_sql,
    install_forms,
)
from orchestration.erase.values import Value
from orchestration.errors import LeadrelayError
from orchestration.ingest.contract import Contract, ContractTable
from orchestration.operate.dossier import PersonKeys, find_person
from orchestration.settings import Settings
from orchestration.sql import qualified, quote_literal

_INTERACTIONS = "engagement.interactions"


@dataclass
class Known:
    """Everything that one person is known by.

    Parameters
    ----------
    person_ids
        Their id and those that were merged into it; empty when only a value is to be forgotten.
    record_ids
        Ids of their records.
    forms
        ``(kind, form)`` that nobody else has: what tombstones are made of.
    values
        Texts that nobody else has, as written.
    shared
        Texts that others have as well; they stay where those stand.
    """

    person_ids: tuple[str, ...] = ()
    record_ids: tuple[str, ...] = ()
    forms: set[tuple[str, str]] = field(default_factory=set)
    values: set[Value] = field(default_factory=set)
    shared: set[Value] = field(default_factory=set)


def know(settings: Settings, connection: duckdb.DuckDBPyConnection, contract: Contract, identity: str) -> Known:
    """Gather what one person is known by.

    Parameters
    ----------
    settings
        The home; something is published in it.
    connection
        The warehouse, prepared.
    contract
        The raw contract.
    identity
        A person_id, a record id or key, an e-mail address or a phone number.

    Raises
    ------
    LeadrelayError
        If several persons have it, or nobody and no row in raw.
    """
    install_forms(connection)
    person = find_person(settings, identity)
    known = Known(person_ids=person.person_ids, record_ids=tuple(person.record_ids)) if person else Known()
    connection.execute("create or replace temp table forget_records (record_id varchar)")
    connection.execute("create or replace temp table forget_interactions (record_id varchar)")
    connection.execute("create or replace temp table forget_forms (kind varchar, form varchar, value varchar)")
    for name, ids in (
        ("forget_records", known.record_ids),
        ("forget_interactions", person.interactions if person else ()),
    ):
        connection.execute(f"insert into {name} select unnest(?::varchar[])", [list(ids)])
    if person is None:
        _seed_with_value(connection, identity)
    for table in contract.tables.values():
        if _is_about_people(table):
            query = forms_query(table, qualified("raw", table.identifier), _own(table))
            connection.execute(f"insert into forget_forms {query}")
    for kind, form, value in _keys_without_a_row(connection, person):
        connection.execute("insert into forget_forms values (?, ?, ?)", [kind, form, value])
    _split_shared(connection, contract, known)
    known.values |= {Value("person", text) for text in known.person_ids} | {
        Value("record", t) for t in known.record_ids
    }
    known.values |= _descriptions(connection, contract)
    known.forms |= {(RECORD, record_id) for record_id in (*known.record_ids, *(person.interactions if person else ()))}
    return known


def _is_about_people(table: ContractTable) -> bool:
    return table.is_person_record or table.full_name == _INTERACTIONS


def _own(table: ContractTable, *, is_own: bool = True) -> str:
    """Return the condition on rows of raw that are this person's; those of nobody known count as others'."""
    name = "forget_interactions" if table.full_name == _INTERACTIONS else "forget_records"
    return f"_record_id {'in' if is_own else 'not in'} (select record_id from {name})"


def _seed_with_value(connection: duckdb.DuckDBPyConnection, identity: str) -> None:
    """Take a value that no published person has as it was typed."""
    kind = EMAIL if "@" in identity else PHONE
    if kind == PHONE and sum(character.isdigit() for character in identity) < MIN_PHONE_DIGITS:
        raise LeadrelayError(
            "nobody is known by that. Give a person_id, a record id or key, an e-mail address or a phone number."
        )
    connection.execute(
        f"insert into forget_forms select ?, unnest({forms_sql(kind, '?', '', quote_literal(''))}), ?",
        [kind, identity, identity],
    )


def _split_shared(connection: duckdb.DuckDBPyConnection, contract: Contract, known: Known) -> None:
    connection.execute("create or replace temp table forget_others (kind varchar, form varchar)")
    if known.person_ids:
        for table in contract.tables.values():
            if _is_about_people(table):
                query = forms_query(table, qualified("raw", table.identifier), _own(table, is_own=False))
                connection.execute(
                    f"insert into forget_others select distinct kind, form from ({query}) as o semi join forget_forms as f using (kind, form)"
                )
    rows = connection.execute(
        "select kind, form, value, (kind, form) in (select (kind, form) from forget_others) as is_shared from forget_forms"
    ).fetchall()
    shared_texts = {value for _, _, value, is_shared in rows if is_shared}
    for kind, form, value, is_shared in rows:
        if is_shared:
            known.shared.add(Value(kind, value))
        else:
            known.forms.add((kind, form))
            if value not in shared_texts:
                known.values.add(Value(kind, value))
                known.values |= {Value(kind, form)} if kind in (EMAIL, PHONE) else set()


def _descriptions(connection: duckdb.DuckDBPyConnection, contract: Contract) -> set[Value]:
    """Return names and addresses of own rows that no other row of any table has."""
    found: set[Value] = set()
    for column in DESCRIBING:
        tables = [t for t in contract.tables.values() if _is_about_people(t) and column in t.column_names]
        own = " union ".join(
            f"select trim({column}) as text from {qualified('raw', t.identifier)} where {_own(t)} and trim({column}) <> ''"
            for t in tables
        )
        others = " union ".join(
            f"select trim({column}) as text from {qualified('raw', t.identifier)} where {_own(t, is_own=False)} and {column} is not null"
            for t in tables
        )
        found |= {
            Value("name", text)
            for (text,) in connection.execute(
                f"select text from ({own}) as own where text not in ({others})"
            ).fetchall()
        }
    return found


def _keys_without_a_row(
    connection: duckdb.DuckDBPyConnection, person: PersonKeys | None
) -> Iterator[tuple[str, str, str]]:
    """Return (kind, form, value) as the identity models write them; a contact that is only mentioned has no row of its own."""
    if person is None:
        return
    for kind, value in person.identifiers:
        if kind in {EMAIL, PHONE}:
            query = f"select unnest({forms_sql(kind, '$value', '', quote_literal(''))})"
            for (form,) in connection.execute(query, {"value": value}).fetchall():
                yield kind, form, value
    for source_table, system, key in person.records:
        if source_table.startswith("crm."):
            yield CRM, f"{system}|{key}", key


def summary_lines(known: Known) -> Sequence[str]:
    """Return what is known of the person, counted and masked, for the person at the keyboard."""
    kinds: dict[str, int] = {}
    for value in known.values:
        kinds[value.kind] = kinds.get(value.kind, 0) + 1
    lines = [f"person      {', '.join(known.person_ids) or 'nobody that is published; the value alone is forgotten'}"]
    lines.append(f"known by    {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}")
    if known.shared:
        shown = ", ".join(sorted({f"{value.kind} {value.masked}" for value in known.shared})[:5])
        lines.append(f"shared      {len(known.shared)} with other persons, whose rows stay: {shown}")
    return lines
