"""The warehouse file: who may open it, what always exists in it, and the clock that the models read.

What belongs here: connecting, the raw, quarantine and ops tables, the schema version, ``ops.as_of``.
What does not: loading (`orchestration.ingest.loader`) and everything that dbt builds.
One process at a time opens the file; BI and ``status`` read the published one.
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import ConfigError, LeadrelayError, WarehouseLockedError, first_line
from orchestration.ingest.contract import LINEAGE_COLUMNS, Contract, ContractTable, load_contract
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.sql import qualified, quote_identifier

SCHEMA_VERSION = 1
SCHEMAS = ("raw", "quarantine", "ops", "staging", "intermediate", "seeds", "marts")
_OWNER_ONLY, _OTHERS = 0o600, 0o077
LOCK_ATTEMPTS = 5
LOCK_PAUSE_SECONDS = 1.0
_HOLDER = re.compile(r"Conflicting lock is held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")

QUARANTINE_COLUMNS: tuple[tuple[str, str], ...] = (
    ("quarantine_id", "VARCHAR"),
    ("load_id", "VARCHAR"),
    ("load_sequence", "BIGINT"),
    ("source_system", "VARCHAR"),
    ("source_file", "VARCHAR"),
    ("source_row", "BIGINT"),
    ("raw_text", "VARCHAR"),
    ("reasons", "VARCHAR[]"),
    ("record_key", "VARCHAR"),
    ("arrived_at", "TIMESTAMP"),
    ("quarantined_at", "TIMESTAMP"),
    ("status", "VARCHAR"),
)
OPS_TABLES: dict[str, tuple[tuple[str, str], ...]] = {
    "loads": (
        ("load_id", "VARCHAR"),
        ("load_sequence", "BIGINT"),
        ("run_id", "VARCHAR"),
        ("source_table", "VARCHAR"),
        ("source_system", "VARCHAR"),
        ("file_path", "VARCHAR"),
        ("file_checksum", "VARCHAR"),
        ("arrived_at", "TIMESTAMP"),
        ("loaded_at", "TIMESTAMP"),
        ("rows_in", "BIGINT"),
        ("rows_loaded", "BIGINT"),
        ("rows_quarantined", "BIGINT"),
        ("rows_collapsed", "BIGINT"),
        ("status", "VARCHAR"),
        ("message", "VARCHAR"),
    ),
    "reader_runs": (
        ("run_id", "VARCHAR"),
        ("source_table", "VARCHAR"),
        ("source_system", "VARCHAR"),
        ("reader", "VARCHAR"),
        ("ended_at", "TIMESTAMP"),
        ("files_landed", "BIGINT"),
        ("rows_landed", "BIGINT"),
        ("rows_vanished", "BIGINT"),
        ("status", "VARCHAR"),
        ("message", "VARCHAR"),
    ),
    "quality_results": (
        ("run_id", "VARCHAR"),
        ("checked_at", "TIMESTAMP"),
        ("gate", "VARCHAR"),
        ("table_name", "VARCHAR"),
        ("suite_name", "VARCHAR"),
        ("check_name", "VARCHAR"),
        ("expectation_type", "VARCHAR"),
        ("column_name", "VARCHAR"),
        ("severity", "VARCHAR"),
        ("is_success", "BOOLEAN"),
        ("evaluated_count", "BIGINT"),
        ("unexpected_count", "BIGINT"),
        ("observed", "VARCHAR"),
        ("examples", "VARCHAR"),
        ("message", "VARCHAR"),
        ("is_batch_refused", "BOOLEAN"),
    ),
    "identity_quality": (
        ("run_id", "VARCHAR"),
        ("compared_with", "VARCHAR"),
        ("guarded_by_reason", "VARCHAR"),
        ("record_count", "BIGINT"),
        ("cluster_count", "BIGINT"),
        ("person_count", "BIGINT"),
        ("known_person_count", "BIGINT"),
        ("anonymous_person_count", "BIGINT"),
        ("largest_person_records", "BIGINT"),
        ("p99_person_records", "DOUBLE"),
        ("mean_person_records", "DOUBLE"),
        ("known_before_count", "BIGINT"),
        ("merged_count", "BIGINT"),
        ("merged_known_count", "BIGINT"),
        ("unmerged_count", "BIGINT"),
        ("link_count", "BIGINT"),
        ("refused_link_count", "BIGINT"),
        ("guarded_count", "BIGINT"),
        ("review_pair_count", "BIGINT"),
        ("pair_precision", "DOUBLE"),
        ("pair_recall", "DOUBLE"),
        ("is_refused", "BOOLEAN"),
        ("as_of", "TIMESTAMP"),
        ("measured_at", "TIMESTAMP"),
    ),
    "identity_stops": (
        ("run_id", "VARCHAR"),
        ("stopped_at", "TIMESTAMP"),
        ("limit_name", "VARCHAR"),
        ("figure", "DOUBLE"),
        ("allowed", "DOUBLE"),
        ("compared_with", "VARCHAR"),
        ("message", "VARCHAR"),
        ("identifiers", "VARCHAR"),
    ),
    "identity_acceptances": (
        ("run_id", "VARCHAR"),
        ("limit_name", "VARCHAR"),
        ("figure", "DOUBLE"),
        ("compared_with", "VARCHAR"),
        ("accepted_by", "VARCHAR"),
        ("accepted_at", "TIMESTAMP"),
        ("reason", "VARCHAR"),
    ),
    "commands": (
        ("command_id", "VARCHAR"),
        ("command", "VARCHAR"),
        ("options", "VARCHAR"),
        ("os_user", "VARCHAR"),
        ("outcome", "VARCHAR"),
        ("exit_code", "INTEGER"),
        ("process_id", "BIGINT"),
        ("started_at", "TIMESTAMP"),
        ("ended_at", "TIMESTAMP"),
    ),
    # Rows that the loader left out, since they bear a forgotten person's tombstone.
    "forgotten_rows": (
        ("load_id", "VARCHAR"),
        ("run_id", "VARCHAR"),
        ("source_table", "VARCHAR"),
        ("file_path", "VARCHAR"),
        ("row_count", "BIGINT"),
        ("left_out_at", "TIMESTAMP"),
    ),
    "built_nodes": (
        ("node_id", "VARCHAR"),
        ("state", "VARCHAR"),
        ("stamp", "VARCHAR"),
        ("definition", "VARCHAR"),
        ("inputs", "VARCHAR"),
        ("run_id", "VARCHAR"),
        ("built_at", "TIMESTAMP"),
    ),
    # What the published version says of the ledger, copied before dbt starts, so that it can say what it changed.
    "published_night": (("as_of", "TIMESTAMP"),),
    "published_ledger": (
        ("transition_id", "VARCHAR"),
        ("person_id", "VARCHAR"),
        ("account_id", "VARCHAR"),
        ("track", "VARCHAR"),
        ("cycle_number", "INTEGER"),
        ("stage", "VARCHAR"),
        ("stage_label", "VARCHAR"),
        ("entered_at", "TIMESTAMP"),
        ("exited_at", "TIMESTAMP"),
        ("previous_stage", "VARCHAR"),
        ("next_stage", "VARCHAR"),
        ("direction", "VARCHAR"),
        ("signal", "VARCHAR"),
        ("record_id", "VARCHAR"),
        ("score_at_entry", "DOUBLE"),
        ("route", "VARCHAR"),
        ("motion", "VARCHAR"),
        ("outcome", "VARCHAR"),
        ("channel", "VARCHAR"),
        ("campaign_id", "VARCHAR"),
        ("region", "VARCHAR"),
        ("industry", "VARCHAR"),
        ("company_size", "VARCHAR"),
    ),
    "published_revisions": (
        ("revision_id", "VARCHAR"),
        ("transition_id", "VARCHAR"),
        ("revision_number", "INTEGER"),
        ("person_id", "VARCHAR"),
        ("stage", "VARCHAR"),
        ("stage_label", "VARCHAR"),
        ("change_kind", "VARCHAR"),
        ("changed_columns", "VARCHAR"),
        ("entered_at_before", "TIMESTAMP"),
        ("entered_at_after", "TIMESTAMP"),
        ("exited_at_before", "TIMESTAMP"),
        ("exited_at_after", "TIMESTAMP"),
        ("signal_before", "VARCHAR"),
        ("signal_after", "VARCHAR"),
        ("cause_kind", "VARCHAR"),
        ("cause_table", "VARCHAR"),
        ("cause_record_id", "VARCHAR"),
        ("cause_load_id", "VARCHAR"),
        ("cause_arrived_at", "TIMESTAMP"),
        ("published_as_of", "TIMESTAMP"),
        ("revised_at", "TIMESTAMP"),
    ),
    "as_of": (("as_of", "TIMESTAMP"),),
    "schema_version": (("version", "INTEGER"),),
}
# What people decided and how identity did over the runs cannot be made again from landing.
KEPT_OVER_REBUILDS = ("identity_acceptances", "identity_quality")


def connect(
    settings: Settings, attempts: int = LOCK_ATTEMPTS, pause_seconds: float = LOCK_PAUSE_SECONDS
) -> duckdb.DuckDBPyConnection:
    """Open the warehouse for writing, in UTC.

    Parameters
    ----------
    settings
        Says where the file is.
    attempts
        How often to try while another process holds it.
    pause_seconds
        Pause between two tries.

    Returns
    -------
    duckdb.DuckDBPyConnection
        The caller closes it before the next room opens it.

    Raises
    ------
    WarehouseLockedError
        If another process holds the file after every try; names the process.
    LeadrelayError
        If the file is no DuckDB database of a version that this one reads, or its folder cannot be written.
    """
    path = settings.warehouse_path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LeadrelayError(
            f"{path.parent}: cannot be made ({error.strerror}). Set LEADRELAY_HOME to a folder that can be written."
        ) from error
    for attempt in range(1, attempts + 1):
        try:
            connection = duckdb.connect(str(path))
        except duckdb.IOException as error:
            holder = _HOLDER.search(str(error))
            if holder is None:
                raise LeadrelayError(
                    f"{path}: cannot be opened ({first_line(error)}). It can be rebuilt from landing."
                ) from error
            if attempt == attempts:
                raise WarehouseLockedError(
                    f"{path}: held by process {holder['pid']} ({Path(holder['program']).name}). One process at a time opens the warehouse; "
                    "dashboards and queries belong on published/current/leadrelay.duckdb. Next: wait for that process to end, or end it, "
                    "then the same command again"
                ) from error
            time.sleep(pause_seconds)
        except duckdb.Error as error:
            raise LeadrelayError(
                f"{path}: cannot be opened ({first_line(error)}). It can be rebuilt from landing."
            ) from error
        else:
            connection.execute("set TimeZone = 'UTC'")
            if path.stat().st_mode & _OTHERS:
                path.chmod(_OWNER_ONLY)
            return connection
    raise AssertionError("unreachable: the last try returns or raises")


@contextmanager
def read_warehouse(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse read-only, in UTC, between two nights: for whoever learns from it.

    Parameters
    ----------
    settings
        Says where the file is.

    Yields
    ------
    duckdb.DuckDBPyConnection
        Closed when the block ends.

    Raises
    ------
    ConfigError
        If there is no warehouse yet.
    WarehouseLockedError
        If another process holds the file.
    """
    path = settings.warehouse_path
    if not path.exists():
        raise ConfigError(f"there is no warehouse at {path} to learn from; run the night first: leadrelay run")
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.IOException as error:
        raise WarehouseLockedError(
            f"the warehouse is in use; nothing was changed. Try again after the night. {error}"
        ) from error
    with connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def prepare(connection: duckdb.DuckDBPyConnection, contract: Contract | None = None) -> None:
    """Create what is missing: schemas, one raw and one quarantine table per contract table, the ops tables.

    Parameters
    ----------
    connection
        The warehouse.
    contract
        The raw contract; default this checkout's.

    Raises
    ------
    LeadrelayError
        If the warehouse is of another schema version, or a raw column has another type than the contract says.
    """
    contract = contract or load_contract(PROJECT_ROOT / "models")
    # A dbt run or a caller may have left another zone.
    connection.execute("set TimeZone = 'UTC'")
    for schema in SCHEMAS:
        connection.execute(f"create schema if not exists {quote_identifier(schema)}")
    for name, columns in OPS_TABLES.items():
        _create(connection, "ops", name, columns)
    _check_version(connection)
    existing = _existing_columns(connection)
    for table in contract.tables.values():
        _prepare_raw(connection, table, existing.get(table.identifier, {}))
        _create(connection, "quarantine", table.identifier, QUARANTINE_COLUMNS)


def write_as_of(
    connection: duckdb.DuckDBPyConnection, moment: datetime | None, contract: Contract | None = None
) -> datetime:
    """Write the one row of ``ops.as_of``, the only clock of the models.

    Parameters
    ----------
    connection
        The warehouse, prepared.
    moment
        Look back from here; UTC when it has no zone. Default: the latest arrival of any raw row.
    contract
        The raw contract; default this checkout's.

    Returns
    -------
    datetime
        What was written, UTC without zone; 1970-01-01 when nothing has landed.
    """
    if moment is None:
        contract = contract or load_contract(PROJECT_ROOT / "models")
        arrivals = " union all ".join(
            f"select max(_arrived_at) as arrived_at from {qualified('raw', table.identifier)}"
            for table in contract.tables.values()
        )
        row = connection.execute(f"select max(arrived_at) from ({arrivals}) as arrivals").fetchone()
        moment = (row[0] if row else None) or datetime(1970, 1, 1)  # noqa: DTZ001 (UTC without zone, as the column)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    connection.execute("begin")
    connection.execute("delete from ops.as_of")
    connection.execute("insert into ops.as_of values (?)", [moment])
    connection.execute("commit")
    return moment


def read_kept(connection: duckdb.DuckDBPyConnection) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that a rebuild carries over, by ops table; nothing for a table that is not there yet.

    Parameters
    ----------
    connection
        The warehouse before it is removed.
    """
    kept: dict[str, list[dict[str, Any]]] = {}
    for name in KEPT_OVER_REBUILDS:
        exists = connection.execute(
            "select count(*) from duckdb_tables() where schema_name = 'ops' and table_name = ?", [name]
        ).fetchone()
        if exists and exists[0]:
            cursor = connection.execute(f"select * from {qualified('ops', name)}")
            columns = [column[0] for column in cursor.description]
            kept[name] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return kept


def write_kept(connection: duckdb.DuckDBPyConnection, kept: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Put the rows of `read_kept` into a new warehouse, which has been prepared."""
    for name, rows in kept.items():
        known = {column for column, _ in OPS_TABLES[name]}
        for row in rows:
            columns = [column for column in row if column in known]
            connection.execute(
                f"insert into {qualified('ops', name)} ({', '.join(map(quote_identifier, columns))}) "
                f"values ({', '.join('?' * len(columns))})",
                [row[column] for column in columns],
            )


def stale_tables(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the tables whose newest load was refused, or whose newest reading failed, each with the message."""
    refused = connection.execute(
        "select source_table, message from ops.loads "
        "qualify row_number() over (partition by source_table order by loaded_at desc, load_sequence desc) = 1 and status = 'refused' "
        "order by source_table"
    ).fetchall()
    # A warehouse of before there were readers has no such table until it is prepared again.
    known = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = 'ops' and table_name = 'reader_runs'"
    ).fetchone()
    failed = (
        connection.execute(
            "select source_table, string_agg(message, chr(10) order by source_system, reader) from ("
            "select * from ops.reader_runs "
            "qualify ended_at = max(ended_at) over (partition by source_table)) where status = 'failed' group by source_table order by source_table"
        ).fetchall()
        if known and known[0]
        else []
    )
    stale = dict(refused)
    for table, message in failed:
        stale[table] = "\n".join(part for part in (stale.get(table), message) if part)
    return dict(sorted(stale.items()))


def count_open(connection: duckdb.DuckDBPyConnection) -> int:
    """Return how many rows are in quarantine and wait for somebody, over all tables."""
    tables = connection.execute(
        "select table_name from duckdb_tables() where schema_name = 'quarantine' order by table_name"
    ).fetchall()
    if not tables:
        return 0
    counts = " union all ".join(
        f"select count(*) as row_count from {qualified('quarantine', name)} where status = 'open'" for (name,) in tables
    )
    row = connection.execute(f"select sum(row_count) from ({counts}) as counts").fetchone()
    return int(row[0]) if row else 0


def write_reader_runs(
    connection: duckdb.DuckDBPyConnection, run_id: str, source_table: str, runs: Sequence[Mapping[str, Any]]
) -> None:
    """Append how each of one table's readers ended, all with one moment.

    Parameters
    ----------
    connection
        The prepared warehouse.
    run_id
        The night.
    source_table
        ``<source>.<table>``.
    runs
        ``source_system``, ``reader``, ``files_landed``, ``rows_landed``, ``rows_vanished``, ``status`` (``read`` or ``failed``) and
        ``message`` of each. None clears what an earlier night noted for a table that has no such reader any more.
    """
    row = connection.execute("select count(*) from ops.reader_runs where source_table = ?", [source_table]).fetchone()
    if not runs and (not row or not row[0]):
        return
    moment = datetime.now(tz=UTC).replace(tzinfo=None)
    row = connection.execute("select max(ended_at) from ops.reader_runs").fetchone()
    if row and row[0] and row[0] >= moment:
        # The clock was set back; which reading is the newest must stay true.
        moment = row[0] + timedelta(microseconds=1)
    if not runs:
        runs = [{"source_system": None, "reader": None, "status": "removed", "message": ""}]
    for run in runs:
        connection.execute(
            "insert into ops.reader_runs values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                run_id, source_table, run["source_system"], run["reader"], moment, run.get("files_landed", 0),
                run.get("rows_landed", 0), run.get("rows_vanished", 0), run["status"], run["message"],
            ],
        )  # fmt: skip


def _create(connection: duckdb.DuckDBPyConnection, schema: str, name: str, columns: Iterable[tuple[str, str]]) -> None:
    declared = ", ".join(f"{quote_identifier(column)} {data_type}" for column, data_type in columns)
    connection.execute(f"create table if not exists {qualified(schema, name)} ({declared})")


def _check_version(connection: duckdb.DuckDBPyConnection) -> None:
    row = connection.execute("select max(version) from ops.schema_version").fetchone()
    version = row[0] if row else None
    if version is None:
        connection.execute("insert into ops.schema_version values (?)", [SCHEMA_VERSION])
    elif version != SCHEMA_VERSION:
        what = (
            "newer than this checkout reads; update the checkout"
            if version > SCHEMA_VERSION
            else "older; rebuild it from landing"
        )
        raise LeadrelayError(
            f"the warehouse has schema version {version}, {what} (this checkout: {SCHEMA_VERSION}). Nothing was changed."
        )


def _existing_columns(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for table, column, data_type in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'raw' and database_name = current_database()"
    ).fetchall():
        found.setdefault(table, {})[column] = data_type
    return found


def _prepare_raw(connection: duckdb.DuckDBPyConnection, table: ContractTable, existing: dict[str, str]) -> None:
    columns = [(column.name, column.data_type) for column in table.columns] + list(LINEAGE_COLUMNS)
    if not existing:
        _create(connection, "raw", table.identifier, columns)
        return
    for name, data_type in columns:
        if name not in existing:
            connection.execute(
                f"alter table {qualified('raw', table.identifier)} add column {quote_identifier(name)} {data_type}"
            )
        elif existing[name] != data_type:
            raise ConfigError(
                f"raw.{table.identifier}.{name} is {existing[name]} in the warehouse and {data_type} in the contract. "
                "Rebuild the warehouse from landing, or put the type back."
            )
