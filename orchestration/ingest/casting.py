"""Text to the contract's types, as SQL: the value, when it failed, and whether a timestamp came without a time of day.

What belongs here: one builder per type, used by every reader. What does not: reading files or judging values.
"""

from collections.abc import Collection
from dataclasses import dataclass

from orchestration.ingest.contract import ContractColumn, ContractTable
from orchestration.ingest.feeds import FeedOptions
from orchestration.sql import quote_identifier, quote_literal

KEY_TIMESTAMP_FORMAT = "%Y-%m-%d %H:%M:%S.%f"
# Between values that are hashed together, and in the place of a null; neither occurs in text that people type.
_UNIT_SEPARATOR = "chr(31)"
_NULL_MARK = "chr(30)"


@dataclass(frozen=True)
class CastSql:
    """SQL of one column's cast over a mapped column.

    Parameters
    ----------
    value
        Expression of the declared type; null when the value is missing or cannot be cast.
    is_date_only
        Boolean expression, or None when the declared type is no timestamp.
    """

    value: str
    is_date_only: str | None = None


def cast_column(column: ContractColumn, reference: str, source_type: str, options: FeedOptions) -> CastSql:
    """Return the SQL that casts a mapped column to its declared type.

    Parameters
    ----------
    column
        The contract's column.
    reference
        SQL of the mapped value, of type ``source_type``.
    source_type
        DuckDB type of the mapped value; ``VARCHAR`` for CSV and JSON.
    options
        Date and timestamp formats and the zone of naive timestamps.

    Returns
    -------
    CastSql
        Never raises for a single value: what cannot be cast is null.
    """
    if column.data_type == "TIMESTAMP":
        return _timestamp(reference, source_type, options)
    if source_type == column.data_type:
        return CastSql(value=reference)
    return CastSql(value=_plain(column, _as_text(reference, source_type), options))


def _plain(column: ContractColumn, text: str, options: FeedOptions) -> str:
    if column.data_type == "VARCHAR":
        return text
    text = f"trim({text})"
    if column.data_type == "DATE":
        parsed = [f"try_cast({formatted} as date)" for formatted in _parsed(text, options.date_formats)]
        return _first([*parsed, f"try_cast({text} as date)"])
    if column.data_type == "BIGINT":
        # The engine rounds 12.5 to 13; a count with a fraction is an error in the export.
        return f"case when not regexp_matches({text}, '[.][0-9]*[1-9]') then try_cast({text} as bigint) end"
    if column.data_type == "DOUBLE":
        return f"case when isfinite(try_cast({text} as double)) then try_cast({text} as double) end"
    return f"try_cast({text} as {column.data_type})"


def _as_text(reference: str, source_type: str) -> str:
    if source_type == "VARCHAR":
        return reference
    if source_type.endswith("]") or source_type.startswith(("STRUCT", "MAP", "UNION")):
        return f"cast(to_json({reference}) as varchar)"
    if source_type.startswith("TIMESTAMP WITH"):
        return f"cast(timezone('UTC', {reference}) as varchar)"
    return f"cast({reference} as varchar)"


def _timestamp(reference: str, source_type: str, options: FeedOptions) -> CastSql:
    zone = options.timezone
    if source_type.startswith("TIMESTAMP WITH"):
        return CastSql(value=f"timezone('UTC', {reference})", is_date_only="false")
    if source_type.startswith("TIMESTAMP"):
        return CastSql(value=_localised(f"cast({reference} as timestamp)", zone), is_date_only="false")
    if source_type == "DATE":
        day = _localised(f"cast({reference} as timestamp)", zone)
        return CastSql(value=day, is_date_only=f"{reference} is not null")
    text = f"trim({_as_text(reference, source_type)})"
    formatted = [
        f"cast({parsed} as timestamp)" if "%z" in pattern else _localised(parsed, zone)
        for pattern, parsed in zip(options.timestamp_formats, _parsed(text, options.timestamp_formats), strict=True)
    ]
    # A date without a time is the start of its day where the source is.
    dates = [_localised(f"cast({parsed} as timestamp)", zone) for parsed in _parsed(text, options.date_formats)]
    naive = f"try_cast({text} as timestamp)"
    is_iso_date = rf"regexp_full_match({text}, '\d{{4}}-\d{{2}}-\d{{2}}')"
    # A cast to TIMESTAMP drops an offset without a word, so a text with one goes through TIMESTAMPTZ; most end in Z or in nothing.
    has_offset = rf"regexp_matches({text}, ':\d{{2}}.*[+-]\d{{2}}(:?\d{{2}})?$')"
    local = _localised(naive, zone)
    plain = (
        f"case when ends_with({text}, 'Z') then {naive} "
        f"when {has_offset} then timezone('UTC', try_cast({text} as timestamp with time zone)) else {local} end"
    )
    value = _first([*formatted, *dates, plain])
    is_date_only = is_iso_date
    if dates:
        without_time = f"{_first(dates)} is not null"
        if formatted:
            without_time = f"({_first(formatted)} is null and {without_time})"
        is_date_only = f"({is_iso_date} or {without_time})"
    # 'infinity' is a timestamp to the engine and to nobody else.
    return CastSql(value=f"case when isfinite({value}) then {value} end", is_date_only=is_date_only)


def _parsed(text: str, formats: tuple[str, ...]) -> list[str]:
    return [f"try_strptime({text}, {quote_literal(pattern)})" for pattern in formats]


def _localised(naive: str, zone: str) -> str:
    return naive if zone == "UTC" else f"timezone('UTC', timezone({quote_literal(zone)}, {naive}))"


def _first(expressions: list[str]) -> str:
    return expressions[0] if len(expressions) == 1 else f"coalesce({', '.join(expressions)})"


def record_key(table: ContractTable, present: Collection[str]) -> str:
    """Return the SQL of ``_record_key`` over the typed columns: canonical texts joined with ``|``.

    Parameters
    ----------
    table
        The contract's table.
    present
        Columns that are fed; the others are null in every row.
    """
    parts = []
    for column in table.key_columns:
        if column.name not in present:
            parts.append("''")
            continue
        name = quote_identifier(column.name)
        if column.data_type == "VARCHAR":
            # Both characters are rare, and the two replaces are what a wide key costs most.
            escaped = rf"replace(replace({name}, '\', '\\'), '|', '\|')"
            text = rf"case when contains({name}, '|') or contains({name}, '\') then {escaped} else {name} end"
        elif column.data_type == "TIMESTAMP":
            text = f"strftime({name}, '{KEY_TIMESTAMP_FORMAT}')"
        else:
            text = f"cast({name} as varchar)"
        parts.append(f"coalesce({text}, '')")
    return " || '|' || ".join(parts)


def row_hash(table: ContractTable, present: Collection[str]) -> str:
    """Return the SQL of ``_row_hash``: md5 over the canonical text of every declared column and ``_extra``.

    Parameters
    ----------
    table
        The contract's table.
    present
        Columns that are fed; the others are null in every row, which costs nothing then and hashes the same.
    """
    values = []
    for column in table.columns:
        name = quote_identifier(column.name)
        text = name if column.data_type == "VARCHAR" else f"cast({name} as varchar)"
        values.append(f"coalesce({text}, {_NULL_MARK})" if column.name in present else _NULL_MARK)
    return f"md5(concat_ws({_UNIT_SEPARATOR}, {', '.join(values)}, coalesce(cast(_extra as varchar), {_NULL_MARK})))"
