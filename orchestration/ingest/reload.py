"""Load files once more, after a mapping, a suite or the contract was corrected.

What the files brought before is replaced in one transaction, or stays when the batch is refused now. A row that repeats what its key
said before is not kept twice, so every later file of the same table is loaded once more as well: raw is then what a rebuild from
landing would hold. What does not belong here: how a batch is loaded (`loader`), and the commands (`orchestration.operate.quarantine`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from orchestration.errors import LeadrelayError
from orchestration.ingest.contract import load_contract
from orchestration.ingest.loader import LOADED, LoadResult, load_table
from orchestration.ingest.names import nearest
from orchestration.ingest.sources import load_sources
from orchestration.ingest.warehouse import connect, prepare
from orchestration.settings import Settings
from orchestration.sql import qualified


@dataclass(frozen=True)
class Reload:
    """What came of one table.

    Parameters
    ----------
    asked
        Files that were asked for.
    later
        Files after them, which had to be loaded once more too.
    quarantined_before
        Rows of all these files that were in quarantine before.
    result
        The load.
    """

    asked: tuple[str, ...]
    later: tuple[str, ...]
    quarantined_before: int
    result: LoadResult


def reload_matching(settings: Settings, pattern: str) -> list[Reload]:
    """Load every loaded file once more whose path in landing matches a pattern.

    Parameters
    ----------
    settings
        The home; nobody else may hold its warehouse.
    pattern
        Glob over paths such as ``crm/leads/2026-03-01/crm.jsonl``.

    Raises
    ------
    LeadrelayError
        If no loaded file matches; a file that was refused or has not been loaded yet needs no reload.
    """
    with connect(settings) as connection:
        prepare(connection)
        paths = _select(connection, "file_path glob ?", pattern)
        if not paths:
            known = sorted(
                path for (path,) in connection.execute("select distinct file_path from ops.loads").fetchall()
            )
            raise LeadrelayError(
                f"no loaded file matches {pattern!r}. {nearest(pattern, known)} Files that were refused, or are new, are taken by the "
                "next night: leadrelay run"
            )
        return [_reload(connection, settings, table, files) for table, files in sorted(paths.items())]


def reload_quarantined(settings: Settings, table: str | None = None) -> list[Reload]:
    """Load every file once more of which rows are in quarantine.

    Parameters
    ----------
    settings
        The home; nobody else may hold its warehouse.
    table
        Only this one, such as ``forms.submissions``.

    Returns
    -------
    list of Reload
        By table; empty when no row is in quarantine.

    Raises
    ------
    ConfigError
        If there is no such table.
    """
    contract = load_contract(settings.models_dir)
    if table is not None:
        contract.table(table)
    with connect(settings) as connection:
        prepare(connection)
        done = []
        for name, contract_table in contract.tables.items():
            if table in (None, name):
                rows = connection.execute(
                    f"select distinct source_file from {qualified('quarantine', contract_table.identifier)} where status = 'open'"
                ).fetchall()
                if rows:
                    done.append(_reload(connection, settings, name, sorted(path for (path,) in rows)))
        return done


def _select(connection: duckdb.DuckDBPyConnection, condition: str, *values: object) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    query = f"select distinct source_table, file_path from ops.loads where status = ? and {condition} order by all"
    for table, path in connection.execute(query, [LOADED, *values]).fetchall():
        found.setdefault(table, []).append(path)
    return found


def _reload(connection: duckdb.DuckDBPyConnection, settings: Settings, table_name: str, asked: Sequence[str]) -> Reload:
    contract = load_contract(settings.models_dir)
    table = contract.table(table_name)
    again = _select(
        connection,
        "source_table = ? and load_sequence >= (select min(load_sequence) from ops.loads where source_table = ? and list_contains(?, file_path))",
        table_name,
        table_name,
        list(asked),
    )[table_name]
    gone = [path for path in again if not (settings.landing_dir / path).is_file()]
    if gone:
        raise LeadrelayError(
            f"{gone[0]} is no longer in landing, so what it brought cannot be loaded once more; nothing was changed. Restore it from a backup."
        )
    before = connection.execute(
        f"select count(*) from {qualified('quarantine', table.identifier)} where list_contains(?, source_file)", [again]
    ).fetchone()
    feeds = load_sources(settings.sources_file, contract).feeds(table_name)
    run_id = f"reload-{datetime.now(tz=UTC):%Y%m%dT%H%M%S.%f}"
    result = load_table(connection, settings, table, feeds, run_id, again=again)
    later = tuple(path for path in again if path not in set(asked))
    return Reload(tuple(asked), later, int(before[0]) if before else 0, result)
