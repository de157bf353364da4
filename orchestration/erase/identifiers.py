"""Which columns of the raw contract identify somebody, and in which forms a value of theirs is compared.

One place for the erasure and for the loader, so that what is taken out of a file is what would not be let in again. The forms are SQL
over whole columns and need no country: a number counts by its digits, an address without its tag, a key within its own system.
"""

from collections.abc import Iterator, Mapping

import duckdb

from orchestration.ingest.contract import ContractTable
from orchestration.sql import quote_identifier, quote_literal

EMAIL, PHONE, CRM, REGISTRATION, ANY = "email", "phone", "crm", "registration", "any"
RECORD = "record"
# A shorter number is an extension or a year, and nobody's.
MIN_PHONE_DIGITS = 7
_KINDS: Mapping[str, str] = {
    "email": EMAIL,
    "phone": PHONE,
    "wechat_openid": "wechat_openid",
    "wechat_unionid": "wechat_unionid",
    "external_id": "external_id",
    "anonymous_id": "anonymous_id",
    "lead_id": CRM,
    "contact_id": CRM,
    "converted_contact_id": CRM,
    "object_id": CRM,
    "loser_id": CRM,
    "winner_id": CRM,
    "registration_id": REGISTRATION,
    "referred_by": ANY,
    "identifier": ANY,
}
# What a column of any kind is compared as; a suppression list names the kind in words of its own.
_ANY_KINDS = (EMAIL, PHONE, "wechat_openid", "wechat_unionid", "external_id", "anonymous_id", CRM)
# The row is a company's business and stays; only who it was goes.
_CELL_ONLY = frozenset(
    {("crm.opportunities", "contact_id"), ("crm.orders", "contact_id"), ("forms.submissions", "referred_by")}
)
# Columns that hold what a person is called or where they live: searched for in the proof when nobody else has the same.
DESCRIBING = ("full_name", "address")
# Unique only inside the system that gave it.
_SCOPED = frozenset({CRM, REGISTRATION, "external_id"})

_NARROW = "0123456789@.+-"
# The same as an East Asian keyboard may type them: each stands at a fixed distance from its narrow form (Unicode block FF00).
_WIDE = "".join(chr(ord(character) + 0xFEE0) for character in _NARROW)


def identifying_columns(table: ContractTable, *, cells: bool = False) -> Iterator[tuple[str, str]]:
    """Return (column, kind) of a table's identifying columns.

    Parameters
    ----------
    table
        The contract's table.
    cells
        Those whose row stays when the value goes; default those that take their row with them.
    """
    for column in table.columns:
        kind = _KINDS.get(column.name)
        is_cell = (table.full_name, column.name) in _CELL_ONLY
        if kind is not None and column.data_type == "VARCHAR" and is_cell == cells:
            for one in _ANY_KINDS if kind == ANY else (kind,):
                yield column.name, one


def install_forms(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the macros that give the forms of a value, for this connection only."""
    connection.execute(
        f"""
        create or replace temporary macro forget_fold(t) as
            lower(trim(translate(t, '{_WIDE}', '{_NARROW}')));
        create or replace temporary macro forget_emails(t) as list_distinct(list_concat(
            regexp_extract_all(forget_fold(t), '[^\\s<>"'',;:()]+@[^\\s<>"'',;()]+'),
            list_transform(
                regexp_extract_all(forget_fold(t), '[^\\s<>"'',;:()]+@[^\\s<>"'',;()]+'),
                lambda found : regexp_replace(found, '\\+[^@]*@', '@')
            )
        ));
        """
    )
    connection.execute(
        "create or replace temporary macro forget_phones(t) as list_filter(list_transform("
        "string_split_regex(forget_fold(t), '[;,/、|]'), lambda part : ltrim(regexp_replace(part, '[^0-9]', '', 'g'), '0')), "
        f"lambda part : length(part) >= {MIN_PHONE_DIGITS})"
    )


def forms_sql(kind: str, value: str, source: str, system: str) -> str:
    """Return SQL that gives the list of a value's forms.

    Parameters
    ----------
    kind
        Of `identifying_columns`.
    value, system
        SQL of the text and of the system that it comes from.
    source
        The table's domain; a registration counts within it.
    """
    if kind == EMAIL:
        return f"forget_emails({value})"
    if kind == PHONE:
        return f"forget_phones({value})"
    if kind == REGISTRATION:
        return f"[{quote_literal(source + '|')} || {system} || '|' || trim({value})]"
    if kind in _SCOPED:
        return f"[{system} || '|' || trim({value})]"
    return f"[trim({value})]"


def forms_query(table: ContractTable, relation: str, where: str = "true", *, cells: bool = False) -> str:
    """Return SQL that gives ``kind, form, value`` of every identifying value in a relation of the table's columns.

    Parameters
    ----------
    table
        The contract's table.
    relation
        A relation with its columns and ``_source_system``.
    where
        Condition on its rows.
    cells
        As `identifying_columns`.
    """
    parts = [
        f"select {quote_literal(kind)} as kind, unnest({forms_sql(kind, name, table.source, 'source_system')}) as form, {name} as value "
        f"from (select distinct {name}, _source_system as source_system from {relation} where {name} is not null and ({where})) as v"
        for column, kind in identifying_columns(table, cells=cells)
        for name in [quote_identifier(column)]
    ]
    return " union all ".join(parts)
