"""`leadrelay quarantine list|show|export|fix|replay` and `leadrelay reload`: which rows were kept out, why, and trying them again.

Reads the warehouse, where the rows' own text stays: `list` counts and shows nothing of a row, `show` prints rows whole, for the person at
the keyboard. While a night runs, the warehouse is its own. What does not belong here: loading (`orchestration.ingest.reload`).
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from orchestration.commands import Printing
from orchestration.errors import LeadrelayError
from orchestration.ingest.contract import load_contract
from orchestration.ingest.correction import FILE_KEY, ROW_KEY, export_open_rows, load_corrected_rows
from orchestration.ingest.reload import Reload, reload_matching, reload_quarantined
from orchestration.operate.lock import only_night
from orchestration.settings import Settings
from orchestration.sql import qualified, quote_literal

_SHOWN = 50
_SHOWN_ROWS = 10
_SHOWN_TEXT = 400


def add_quarantine_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", printing: Printing
) -> None:
    """Add ``quarantine`` and ``reload`` to the commands of ``leadrelay``.

    Parameters
    ----------
    commands
        What ``add_subparsers`` of the main parser returned.
    printing
        Makes a command that prints a screen.
    """
    quarantine = commands.add_parser("quarantine", help="show rows that were kept out, and try them again")
    actions = quarantine.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="count the open rows by table, file and reason")
    listing.set_defaults(command=printing(lambda settings, _options: quarantine_screen(settings)))
    show = actions.add_parser("show", help="show open rows of a table with every reason and their own text")
    show.add_argument("table", help="such as forms.submissions")
    show.add_argument("--file", metavar="GLOB", default="*", help="only rows of these files")
    show.add_argument("--rows", type=int, default=_SHOWN_ROWS, help=f"how many to show (default {_SHOWN_ROWS})")
    show.set_defaults(command=printing(lambda settings, o: rows_screen(settings, o.table, o.file, o.rows)))
    replay = actions.add_parser("replay", help="load the files with open rows again, after the cause was corrected")
    replay.add_argument("table", nargs="?", help="only this table")
    replay.set_defaults(
        command=printing(
            lambda settings, options: _alone(settings, lambda: reload_quarantined(settings, options.table))
        )
    )
    export = actions.add_parser("export", help="write open rows to a .csv or .jsonl file for a person to correct")
    export.add_argument("table", help="such as forms.submissions")
    export.add_argument("out", type=Path, metavar="FILE")
    export.add_argument("--file", metavar="GLOB", default="*", help="only rows of these files")
    export.set_defaults(command=printing(lambda settings, o: export_screen(settings, o.table, o.file, o.out)))
    fix = actions.add_parser("fix", help="load rows that were exported and corrected")
    fix.add_argument("table", help="such as forms.submissions")
    fix.add_argument("corrected", type=Path, metavar="FILE")
    fix.set_defaults(command=printing(lambda settings, o: fix_screen(settings, o.table, o.corrected)))
    again = commands.add_parser("reload", help="load files again, after a mapping or a suite was corrected")
    again.add_argument("pattern", metavar="GLOB", help="paths in landing, such as 'crm/leads/2026-03-01/*'")
    again.set_defaults(
        command=printing(lambda settings, options: _alone(settings, lambda: reload_matching(settings, options.pattern)))
    )


def _alone(settings: Settings, load: Callable[[], Sequence[Reload]]) -> str:
    """Load while no night runs, and tell what came of it."""
    with only_night(settings):
        return reload_screen(load())


def quarantine_screen(settings: Settings) -> str:
    """Return the open rows of every quarantine table, counted.

    Parameters
    ----------
    settings
        The home.

    Raises
    ------
    LeadrelayError
        If there is no warehouse yet, or a night is running.
    """
    tables = load_contract(settings.models_dir).tables.values()
    rows = " union all ".join(
        f"select {quote_literal(table.full_name)} as source_table, source_file, unnest(reasons) as reason, quarantine_id "
        f"from {qualified('quarantine', table.identifier)} where status = 'open'"
        for table in tables
    )
    # A reason may quote the value that it is about after a colon; the count goes by what stands before.
    query = f"""
        select source_table, source_file, regexp_replace(split_part(reason, ':', 1), '[0-9]+', 'N', 'g') as reason, count(distinct quarantine_id) as row_count
        from ({rows}) as open_rows
        group by all
        order by row_count desc, source_table, source_file, reason
        limit {_SHOWN + 1}
    """
    found = _read(settings, query)
    if not found:
        return "no row is in quarantine"
    lines = [f"{count:>8,}  {table}  {file}  {reason}" for table, file, reason, count in found[:_SHOWN]]
    return "\n".join(
        [
            *lines,
            *(["      ... and more"] if len(found) > _SHOWN else []),
            "",
            "look at rows with: leadrelay quarantine show TABLE; when the cause is corrected: leadrelay quarantine replay",
        ]
    )


def rows_screen(settings: Settings, table: str, files: str = "*", many: int = _SHOWN_ROWS) -> str:
    """Return open rows of one table, each with its place, every reason and its own text.

    Parameters
    ----------
    settings
        The home.
    table
        Such as ``forms.submissions``.
    files
        Glob over the files' paths in landing.
    many
        How many rows to show, in order of arrival.

    Raises
    ------
    ConfigError
        If there is no such table.
    LeadrelayError
        If there is no warehouse yet, or a night is running.
    """
    relation = qualified("quarantine", load_contract(settings.models_dir).table(table).identifier)
    found = _read(
        settings,
        f"select source_file, source_row, record_key, reasons, raw_text, count(*) over () from {relation} "
        "where status = 'open' and source_file glob ? order by load_sequence, source_file, source_row, quarantine_id limit ?",
        [files, many],
    )
    if not found:
        return f"no row of {table} is in quarantine{'' if files == '*' else f' from files like {files}'}"
    lines = []
    for file, row, key, reasons, text, _ in found:
        lines.append(f"{file}, row {row}{f', key {key}' if key else ''}")
        lines += [f"    {reason}" for reason in reasons]
        shown = (text or "")[:_SHOWN_TEXT]
        lines += [f"    | {line}" for line in shown.splitlines()[:5]]
    total = found[0][-1]
    return "\n".join([*lines, "", f"{len(found):,} of {total:,} open rows of {table}"])


def export_screen(settings: Settings, table: str, files: str, out: Path) -> str:
    """Write a table's open rows to a file, and say what to do with it."""
    with only_night(settings):
        count = export_open_rows(settings, table, files, out)
    return (
        f"{count:,} open rows of {table} in {out}: correct them there, leave {FILE_KEY} and {ROW_KEY} as they are, take out what is to stay\n"
        f"then: leadrelay quarantine fix {table} {out}"
    )


def fix_screen(settings: Settings, table: str, path: Path) -> str:
    """Load corrected rows, and say what came of them."""
    with only_night(settings):
        done = load_corrected_rows(settings, table, path)
    lines = [
        f"{table}: {done.corrected:,} rows corrected"
        + (f", {done.known:,} are not open (any more)" if done.known else "")
    ]
    for result in done.results:
        if result.is_refused:
            lines += [f"  {line}" for line in result.message.splitlines()]
        else:
            lines.append(
                f"  {result.rows_in:,} rows in: {result.rows_loaded:,} loaded, {result.rows_collapsed:,} repeated, "
                f"{result.rows_quarantined:,} in quarantine again"
            )
    return "\n".join([*lines, "", "next        leadrelay run"] if done.corrected else lines)


def reload_screen(done: Sequence[Reload]) -> str:
    """Return what loading files once more has brought.

    Parameters
    ----------
    done
        By table.
    """
    if not done:
        return "no row is in quarantine, so nothing was loaded again"
    lines = []
    for reload in done:
        result = reload.result
        lines.append(f"{result.source_table}: {len(reload.asked)} file{'s' if len(reload.asked) != 1 else ''} again")
        if reload.later:
            lines.append(f"  with {len(reload.later)} later ones, since what they repeat is kept only once")
        if result.is_refused:
            lines += [f"  {line}" for line in result.message.splitlines()]
        else:
            lines.append(
                f"  {result.rows_in:,} rows in: {result.rows_loaded:,} loaded, {result.rows_collapsed:,} repeated, "
                f"{result.rows_quarantined:,} in quarantine (before: {reload.quarantined_before:,})"
            )
    return "\n".join([*lines, "", "next        leadrelay run"])


def _read(settings: Settings, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    if not settings.warehouse_path.exists():
        raise LeadrelayError(f"there is no warehouse in {settings.home} yet. Type: leadrelay run")
    try:
        with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
            return connection.execute(query, list(values)).fetchall()
    except duckdb.IOException as error:
        raise LeadrelayError("a night is running and holds the warehouse; ask again when it has ended") from error
