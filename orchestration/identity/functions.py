"""Functions that SQL has no equal for, as a dbt-duckdb plugin: phone numbers, readings of Chinese names, host names.

What belongs here: thin, pure wrappers around a library, from text to text; null for whatever the library cannot read. They are
registered on dbt's connection only (``plugins:`` in dbt_project/profiles.yml), so nothing that is stored depends on them, and they
are called through one dispatched macro each (dbt_project/macros/dialect), over distinct values that SQL alone cannot decide.
What does not: rules. Which values come here, and what is made of the answer, is said by the models and their seeds.
Who may call it: dbt, by its name in the profile.
"""

from typing import Any, TypedDict

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import PythonExceptionHandling
from duckdb.func import FunctionNullHandling
from duckdb.sqltypes import BOOLEAN, VARCHAR


class ParsedPhone(TypedDict):
    """A phone number as ``parse_phone`` answers it."""

    number: str
    national: str
    extension: str | None
    is_mobile: bool


def parse_phone(text: str | None, country_code: str | None) -> ParsedPhone | None:
    """Return the phone number that a text holds, as the numbering plans of the world read it.

    Parameters
    ----------
    text
        A number in any notation, with or without an extension.
    country_code
        ISO 3166-1 alpha-2 of the country that it would be dialled in; empty when unknown, and then only a number with its
        country's code can be read.

    Returns
    -------
    ParsedPhone or None
        ``number`` in E.164, ``national`` the same without the country's code, ``extension`` in digits or null, ``is_mobile`` also where a plan cannot tell mobile from fixed.
        ``None`` unless the number is valid in its plan. Source of the method: Google's libphonenumber, by its Python port.
    """
    import phonenumbers
    from phonenumbers import PhoneNumberFormat, PhoneNumberType

    if text is None:
        return None
    try:
        parsed = phonenumbers.parse(text, country_code or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return {
        "number": phonenumbers.format_number(parsed, PhoneNumberFormat.E164),
        "national": phonenumbers.national_significant_number(parsed),
        "extension": parsed.extension or None,
        "is_mobile": phonenumbers.number_type(parsed) in {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE},
    }


def hanzi_reading(text: str | None) -> str | None:
    """Return the Mandarin reading of Chinese characters, one syllable a character, without tones.

    Parameters
    ----------
    text
        Simplified or traditional characters. What is not one is left out.

    Returns
    -------
    str or None
        Syllables joined by blanks, u with two dots written as v (``lv``). ``None`` when there is none. A surname that reads
        otherwise than the word of the same character is none of this function's business: see seeds/identity/name_surnames.csv.
    """
    from pypinyin import lazy_pinyin

    return " ".join(lazy_pinyin(text or "", errors="ignore", v_to_u=False)) or None


def ascii_domain(text: str | None) -> str | None:
    """Return a host name in the letters that the domain name system knows.

    Parameters
    ----------
    text
        A host name in any script.

    Returns
    -------
    str or None
        Lower case; labels in other scripts as punycode (``xn--...``), by IDNA 2003 (RFC 3490), which writes the German sharp s
        as ss. ``None`` when it can be no host name.
    """
    if not text:
        return None
    try:
        return text.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None


class Plugin(BasePlugin):
    """What dbt-duckdb calls when it opens the warehouse."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Register the functions for everything that runs on this connection and its cursors."""
        register(conn)


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Register the functions on a connection; nothing of it is stored in the database file.

    Parameters
    ----------
    connection
        An open connection. Its cursors know the functions as well.
    """
    known = {name for (name,) in connection.execute("select distinct function_name from duckdb_functions()").fetchall()}
    parsed_phone = duckdb.struct_type(
        {"number": VARCHAR, "national": VARCHAR, "extension": VARCHAR, "is_mobile": BOOLEAN}
    )
    # DuckDB's annotations do not know that a struct's values may be null.
    functions: list[tuple[Any, list[Any], Any]] = [
        (parse_phone, [VARCHAR, VARCHAR], parsed_phone),
        (hanzi_reading, [VARCHAR], VARCHAR),
        (ascii_domain, [VARCHAR], VARCHAR),
    ]
    for function, parameters, answer in functions:
        # Two connections to one file share what is registered.
        if function.__name__ not in known:
            connection.create_function(
                function.__name__,
                function,
                parameters,
                answer,
                null_handling=FunctionNullHandling.SPECIAL,
                exception_handling=PythonExceptionHandling.RETURN_NULL,
                side_effects=False,
            )
