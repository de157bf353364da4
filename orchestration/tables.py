"""Values as people read them on a screen or a page.

What a spreadsheet opens goes through `orchestration.export` instead, and what a program reads stays as it is.
"""

from datetime import date, datetime, time
from decimal import Decimal

_DECIMALS = 4


def cell_text(value: object, decimals: int = _DECIMALS) -> str:
    """Return a value as text.

    Parameters
    ----------
    value
        What DuckDB returned.
    decimals
        Of a float, at most so many behind the point; zeros at the end are left out. A decimal keeps those that it has: cents are cents.

    Returns
    -------
    str
        Thousands with commas, midnights as dates, nothing for what is missing, no character that a terminal would obey.
    """
    match value:
        case None:
            text = ""
        case bool():
            text = "yes" if value else "no"
        case datetime() if value.time() == time.min:
            text = value.date().isoformat()
        case datetime():
            text = value.isoformat(sep=" ", timespec="seconds")
        case date():
            text = value.isoformat()
        case int():
            text = f"{value:,}"
        case Decimal():
            text = f"{value:,}"
        case float():
            text = _shortened(f"{value:,.{decimals}f}")
        case _:
            text = "".join(character if character.isprintable() else " " for character in str(value))
    return text


def _shortened(text: str) -> str:
    shorter = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if shorter in {"-0", ""} else shorter
