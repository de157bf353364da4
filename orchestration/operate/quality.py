"""`leadrelay quality propose|docs`: a draft of a suite from what has landed, and the Data Docs of all suites.

What belongs here: arguments, files, screens. What does not: profiling (`orchestration.quality.proposal`) and rendering
(`orchestration.quality.datadocs`).
"""

import argparse
import json
import tempfile
from pathlib import Path

import duckdb

from orchestration.commands import Printing
from orchestration.errors import LeadrelayError
from orchestration.ingest.contract import load_contract
from orchestration.ingest.landing import find_pending
from orchestration.ingest.reader import BATCH, drop_batch, read_batch
from orchestration.ingest.sources import load_sources
from orchestration.operate.lock import only_night
from orchestration.quality.proposal import ProfiledColumn, propose_suite
from orchestration.quality.suites import raw_suite_path
from orchestration.settings import Settings

# A draft needs no more than this many of the newest files.
_FILES = 20


def add_quality_commands(actions: "argparse._SubParsersAction[argparse.ArgumentParser]", printing: Printing) -> None:
    """Add ``propose`` and ``docs`` to the actions of ``leadrelay quality``.

    Parameters
    ----------
    actions
        What ``add_subparsers`` of the ``quality`` parser returned.
    printing
        Makes a command that prints a screen.
    """
    propose = actions.add_parser("propose", help="draft a suite for a table from what has landed, for a person to edit")
    propose.add_argument("table", help="such as crm.leads")
    propose.add_argument("--out", type=Path, metavar="FILE", help="write it there instead of to the screen")
    propose.set_defaults(command=printing(lambda settings, o: proposal_screen(settings, o.table, o.out)))
    docs = actions.add_parser("docs", help="build Great Expectations' Data Docs of all suites on this disk")
    docs.set_defaults(command=printing(lambda settings, _options: docs_screen(settings)))


def proposal_screen(settings: Settings, table_name: str, out: Path | None = None) -> str:
    """Return a draft of a table's suite, or say where it was written.

    Parameters
    ----------
    settings
        The home; files of its landing that have no sidecar yet get one, as by a night.
    table_name
        A table of the contract; it needs no suite yet.
    out
        A file that does not exist, or None for the screen.

    Raises
    ------
    ConfigError
        If there is no such table.
    LeadrelayError
        If nothing of it has landed, or the file exists.
    """
    contract = load_contract(settings.models_dir)
    table = contract.table(table_name)
    feeds = load_sources(settings.sources_file, contract).feeds(table_name)
    settings.home.mkdir(parents=True, exist_ok=True)
    with only_night(settings), duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        files = find_pending(settings.landing_dir, table, feeds, frozenset(), frozenset()).files[-_FILES:]
        if not files:
            raise LeadrelayError(
                f"nothing of {table_name} has landed in {settings.landing_dir}, so there is nothing to profile"
            )
        with tempfile.TemporaryDirectory(dir=settings.home, prefix=".load-") as work_dir:
            read_batch(connection, table, files, Path(work_dir))
            columns = [
                ProfiledColumn(column.name, column.data_type, column.is_required or column.is_key)
                for column in table.columns
            ]
            suite = propose_suite(connection, BATCH, table_name, columns, table.version_column)
            drop_batch(connection)
    text = json.dumps(suite, indent=2, ensure_ascii=False, default=str)
    place = raw_suite_path(settings.expectations_dir, table.identifier)
    if out is None:
        return text
    try:
        with out.open("x", encoding="utf-8") as stream:
            stream.write(text + "\n")
    except FileExistsError as error:
        raise LeadrelayError(f"{out}: is there already; nothing was written. Give another name.") from error
    return f"{len(suite['expectations'])} entries drafted from {len(files)} files in {out}: correct them, then put the file at {place}"


def docs_screen(settings: Settings) -> str:
    """Build the Data Docs and say where they are."""
    from orchestration.quality.datadocs import build_data_docs

    return str(build_data_docs(settings.expectations_dir, settings.published_dir, settings.home / "data_docs"))
