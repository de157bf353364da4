"""Rows out of quarantine that a person corrects: handed out in the shape of their own file, handed back, loaded as everything else is.

What comes back lands as a file of its own whose sidecar names the rows that it corrects, so that a rebuild from landing makes the same.
What does not belong here: reading and judging values (`reader`, `loader`), printing (`orchestration.operate.quarantine`).
"""

import csv
import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import LeadrelayError
from orchestration.ingest.contract import ContractTable, load_contract
from orchestration.ingest.feeds import FeedBase
from orchestration.ingest.landing import (
    CORRECTION_PREFIX,
    Arrivals,
    LandedFile,
    checksum,
    correction_feed,
)
from orchestration.ingest.loader import LoadResult, load_table, rehearse
from orchestration.ingest.sources import load_sources
from orchestration.ingest.warehouse import connect, prepare
from orchestration.settings import Settings
from orchestration.sql import qualified

FILE_KEY, ROW_KEY, REASONS_KEY, LINE_KEY = "_file", "_row", "_reasons", "_line"
OWN_KEYS = (FILE_KEY, ROW_KEY, REASONS_KEY, LINE_KEY)
_OWNER_ONLY = 0o600
# What a spreadsheet would run instead of showing; one apostrophe before it keeps it a text, and is taken off again.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


@dataclass(frozen=True)
class Correction:
    """What came of rows that were handed back.

    Parameters
    ----------
    results
        One load per system that the rows come from.
    corrected
        Rows that were open and came back.
    known
        Rows that came back once more, or that nobody asked about; they were left out.
    """

    results: tuple[LoadResult, ...]
    corrected: int
    known: int


@dataclass(frozen=True)
class _OpenRow:
    system: str
    values: Mapping[str, Any]
    line: str | None
    reasons: Sequence[str]


def export_open_rows(settings: Settings, table_name: str, files: str, out: Path) -> int:
    """Write the open rows of a table for a person to correct.

    Parameters
    ----------
    settings
        The home.
    table_name
        Such as ``forms.submissions``.
    files
        Glob over the files' paths in landing.
    out
        A ``.csv`` or ``.jsonl`` file; only its owner may read it.

    Returns
    -------
    int
        Rows written. A row has its file's own columns beside where it stands and what is wrong; a line that is no record at all has its
        text in ``_line`` and empty columns to fill.

    Raises
    ------
    ConfigError
        If there is no such table.
    LeadrelayError
        If the file ends in neither, or exists.
    """
    table = load_contract(settings.models_dir).table(table_name)
    _format_of(out)
    with connect(settings) as connection:
        prepare(connection)
        rows = _open_rows(connection, table, files)
    records = [
        {
            FILE_KEY: file,
            ROW_KEY: number,
            REASONS_KEY: "; ".join(row.reasons),
            **({LINE_KEY: row.line} if row.line else {}),
            **row.values,
        }
        for (file, number), row in rows.items()
    ]
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError as error:
        raise LeadrelayError(f"{out}: is there already; nothing was written. Give another name.") from error
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
        if out.suffix == ".jsonl":
            stream.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        else:
            names = list(dict.fromkeys([*OWN_KEYS, *(name for record in records for name in record)]))
            writer = csv.DictWriter(stream, names)
            writer.writeheader()
            writer.writerows({name: _as_cell(value) for name, value in record.items()} for record in records)
    return len(records)


def load_corrected_rows(settings: Settings, table_name: str, path: Path) -> Correction:
    """Load rows that a person has corrected.

    Parameters
    ----------
    settings
        The home; nobody else may hold its warehouse.
    table_name
        Such as ``forms.submissions``.
    path
        What `export_open_rows` wrote, edited; rows that were taken out of it stay open.

    Returns
    -------
    Correction
        Handing the same file back twice changes nothing: its rows are open no more.

    Raises
    ------
    ConfigError
        If there is no such table.
    LeadrelayError
        If the file is not of the shape that was handed out, or its rows would be refused; nothing was changed then.
    """
    contract = load_contract(settings.models_dir)
    table = contract.table(table_name)
    feeds = load_sources(settings.sources_file, contract).feeds(table_name)
    handed = _read(path)
    with connect(settings) as connection:
        prepare(connection)
        rows = _open_rows(connection, table, "*")
        by_feed: dict[tuple[str, str], list[tuple[tuple[str, int], dict[str, Any]]]] = {}
        for place, values in handed.items():
            if place in rows:
                feed = _feed_of(feeds, rows[place].system, place[0])
                by_feed.setdefault((feed.system, feed.pattern), []).append(
                    (place, _restored(values, rows[place].values))
                )
        chosen = {(feed.system, feed.pattern): feed for feed in feeds}
        results = [
            _land_and_load(connection, settings, table, chosen[key], feeds, corrected)
            for key, corrected in sorted(by_feed.items())
        ]
    corrected = sum(len(of_feed) for of_feed in by_feed.values())
    return Correction(tuple(results), corrected, len(handed) - corrected)


def _land_and_load(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    table: ContractTable,
    feed: FeedBase,
    feeds: Sequence[FeedBase],
    rows: Sequence[tuple[tuple[str, int], dict[str, Any]]],
) -> LoadResult:
    corrects: dict[str, list[int]] = {}
    for (file, number), _ in rows:
        corrects.setdefault(file, []).append(number)
    content = "".join(json.dumps(values, ensure_ascii=False) + "\n" for _, values in rows)
    # Tried beside landing first: what has landed is never taken out again, and a refused file would be tried every night.
    with tempfile.TemporaryDirectory(dir=settings.home, prefix=".load-") as folder:
        draft = Path(folder) / "corrected.jsonl"
        draft.write_text(content, encoding="utf-8")
        moment = datetime.now(tz=UTC).replace(tzinfo=None)
        trial = LandedFile(draft, draft.name, correction_feed(feed), moment, 0, checksum(draft)[0], feed.system)
        if refusal := rehearse(connection, settings, table, trial):
            raise LeadrelayError(f"the corrected rows would be refused, so nothing was changed:\n{refusal}")
    arrivals = Arrivals(settings.landing_dir, table, feed.system)
    with arrivals.temporary() as temporary:
        temporary.write_text(content, encoding="utf-8")
        arrivals.land(
            temporary,
            lambda sequence: f"{CORRECTION_PREFIX}{sequence}.jsonl",
            {"corrects": corrects, "feed": feed.pattern},
        )
    run_id = f"fix-{datetime.now(tz=UTC):%Y%m%dT%H%M%S.%f}"
    return load_table(connection, settings, table, feeds, run_id)


def _open_rows(
    connection: duckdb.DuckDBPyConnection, table: ContractTable, files: str
) -> dict[tuple[str, int], _OpenRow]:
    found = connection.execute(
        f"select source_file, source_row, source_system, reasons, raw_text from {qualified('quarantine', table.identifier)} "
        "where status = 'open' and source_file glob ? order by load_sequence, source_file, source_row",
        [files],
    ).fetchall()
    rows: dict[tuple[str, int], _OpenRow] = {}
    for file, number, system, reasons, text in found:
        values = _as_object(text)
        rows[file, number] = _OpenRow(system, values or {}, None if values else text, reasons)
    # A line that is no record shows the columns of its neighbours to be filled.
    names = dict.fromkeys(name for row in rows.values() for name in row.values) or dict.fromkeys(table.column_names)
    return {
        place: row if row.line is None else _OpenRow(row.system, dict.fromkeys(names), row.line, row.reasons)
        for place, row in rows.items()
    }


def _as_object(text: str | None) -> dict[str, Any] | None:
    try:
        value = json.loads(text or "")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _feed_of(feeds: Sequence[FeedBase], system: str, file: str) -> FeedBase:
    of_system = [feed for feed in feeds if feed.system == system]
    taking = [feed for feed in of_system if feed.takes(Path(file).name)]
    if not of_system:
        raise LeadrelayError(
            f"{file}: sources.yml has no feed of {system} any more, so its rows cannot be mapped. Nothing was changed."
        )
    return (taking or of_system)[0]


def _format_of(path: Path) -> str:
    if path.suffix not in (".csv", ".jsonl"):
        raise LeadrelayError(f"{path}: has to end in .csv or .jsonl")
    return path.suffix


def _read(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    is_csv = _format_of(path) == ".csv"
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            records: list[Any] = (
                list(csv.DictReader(stream)) if is_csv else [json.loads(line) for line in stream if line.strip()]
            )
    except OSError as error:
        raise LeadrelayError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, csv.Error) as error:
        raise LeadrelayError(f"{path}: cannot be read ({error}); nothing was changed") from error
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for position, record in enumerate(records, start=1):
        try:
            place = (str(record[FILE_KEY]), int(record[ROW_KEY]))
        except (KeyError, TypeError, ValueError) as error:
            raise LeadrelayError(
                f"{path}: row {position} has no {FILE_KEY} and {ROW_KEY}, which say what it corrects; leave them as they were handed out. "
                "Nothing was changed."
            ) from error
        if place in rows:
            raise LeadrelayError(
                f"{path}: row {position} corrects {place[0]}, row {place[1]} a second time. Nothing was changed."
            )
        values = {name: value for name, value in record.items() if name is not None and name not in OWN_KEYS}
        rows[place] = {name: _from_cell(value) for name, value in values.items()} if is_csv else values
    return rows


def _restored(values: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Give a value that nobody touched its own type again, which a cell of a CSV cannot hold; leave out what is empty."""
    restored = {
        name: before[name] if name in before and _as_cell(before[name]) == _as_cell(value) else value
        for name, value in values.items()
    }
    return {name: value for name, value in restored.items() if value is not None and name not in OWN_KEYS}


def _as_cell(value: object) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if _FORMULA.match(text) else text


def _from_cell(text: str | None) -> str | None:
    if not text:
        return None
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
