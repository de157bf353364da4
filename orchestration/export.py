"""Texts on their way into a spreadsheet: the one place where a formula becomes a text.

A cell that begins with one of these characters is calculated by Excel, LibreOffice and Google Sheets, whoever wrote it. Every file that is
meant to be opened by people in such a program goes through here. What a program reads back (DuckDB, Parquet, JSON, the landed files, the
CSV of models) does not: there a text stays what it is.
"""

import csv
from collections.abc import Iterable, Sequence
from typing import TextIO

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def spreadsheet_text(value: object) -> object:
    """Return a value as a cell may hold it.

    Parameters
    ----------
    value
        Anything; only texts are looked at, so a negative number stays a number.

    Returns
    -------
    object
        A text that would be a formula with an apostrophe before it; anything else as it is.
    """
    if isinstance(value, str) and value.lstrip(" \u00a0\u3000").startswith(_STARTS):
        return f"'{value}"
    return value


def write_csv(stream: TextIO, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows for people: a CSV file whose cells are never formulas.

    Parameters
    ----------
    stream
        Opened with ``newline=""``.
    names
        The header.
    rows
        As many values each as there are names.
    """
    writer = csv.writer(stream)
    writer.writerow([spreadsheet_text(name) for name in names])
    for row in rows:
        writer.writerow([spreadsheet_text(value) for value in row])
