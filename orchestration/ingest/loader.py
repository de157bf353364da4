"""The one loader: landed files -> typed batch -> gate 1 -> raw, quarantine and ops.loads in one transaction.

Every table takes this path. What is loaded once is not loaded again; a refused batch leaves raw as it was and is tried again by the
next run. After each load rows in = rows loaded + rows collapsed + rows quarantined, or nothing of it is kept.
What does not belong here: what a check is (`expectations/`) or what a batch's result means for the night (`operate`).
"""

import hashlib
import tempfile
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from orchestration.erase.tombstones import leave_out_forgotten, lower_tombstones, note_forgotten, raise_tombstones
from orchestration.errors import ConfigError, LandingError, LeadrelayError, first_line
from orchestration.ingest.contract import LINEAGE_COLUMNS, ContractTable
from orchestration.ingest.feeds import FeedBase
from orchestration.ingest.landing import LandedFile, PendingFiles, find_pending
from orchestration.ingest.reader import (
    BATCH,
    FILE_COLUMN,
    RAW_TEXT_LIMIT,
    REJECTS,
    ROW_COLUMN,
    Batch,
    drop_batch,
    read_batch,
)
from orchestration.quality.gates import judge_batch
from orchestration.quality.results import CheckResult, write_results
from orchestration.quality.rowlevel import apply_row_rules, row_rules
from orchestration.quality.suites import (
    Suite,
    files_readable_spec,
    landing_paths_spec,
    load_suite,
    quarantined_share_spec,
    raw_suite_path,
)
from orchestration.settings import Settings
from orchestration.sql import qualified, quote_identifier, quote_literal

LOADED = "loaded"
REFUSED = "refused"
# A row in quarantine that somebody has corrected and handed back.
CORRECTED = "corrected"
# What a reload has put something else in the place of; the row stays in ops.loads as history.
REPLACED = "replaced"


@dataclass(frozen=True)
class LoadResult:
    """What became of one table's new files.

    Parameters
    ----------
    source_table
        ``<source>.<table>``.
    files
        Relative paths of the batch's files; empty when there was nothing new.
    rows_in, rows_loaded, rows_quarantined, rows_collapsed
        Row counts; of a refused batch only ``rows_in`` is not zero.
    is_refused
        Whether the batch was kept out as a whole.
    checks
        Every check's outcome; empty when the files could not be read far enough to be checked.
    message
        One screen for people: why it was refused, or what was left out.
    """

    source_table: str
    files: tuple[str, ...] = ()
    rows_in: int = 0
    rows_loaded: int = 0
    rows_quarantined: int = 0
    rows_collapsed: int = 0
    is_refused: bool = False
    checks: tuple[CheckResult, ...] = ()
    message: str = ""


@dataclass(frozen=True)
class _Counts:
    """Row counts of one file."""

    rows_in: int
    loaded: int
    quarantined: int
    collapsed: int


def pending_files(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contract_table: ContractTable,
    feeds: Iterable[FeedBase],
    settle_seconds: float = 1.0,
    now: datetime | None = None,
    again: Collection[str] = (),
) -> PendingFiles:
    """Find what a table has to load; imports no Great Expectations.

    Parameters
    ----------
    connection
        The prepared warehouse.
    settings
        Says where landing is.
    contract_table
        The table.
    feeds
        Its feeds from ``sources.yml``.
    settle_seconds
        A file without sidecar must not have changed for so long.
    now
        Arrival of files without sidecar; default the clock.
    again
        Paths of loaded files that count as new (`orchestration.ingest.reload`).

    Returns
    -------
    PendingFiles
        New files, and the paths that are not read.

    Raises
    ------
    LandingError
        If landing cannot be read or written.
    """
    rows = connection.execute(
        "select file_path, file_checksum from ops.loads where source_table = ? and status = ?",
        [contract_table.full_name, LOADED],
    ).fetchall()
    rows = [row for row in rows if row[0] not in again]
    return find_pending(
        settings.landing_dir,
        contract_table,
        feeds,
        known_paths=frozenset(path for path, _ in rows),
        known_checksums=frozenset(checksum for _, checksum in rows),
        settle_seconds=settle_seconds,
        now=now,
    )


def load_table(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contract_table: ContractTable,
    feeds: Iterable[FeedBase],
    run_id: str,
    pending: PendingFiles | None = None,
    again: Collection[str] = (),
) -> LoadResult:
    """Load everything new of one table, or refuse it as a whole.

    Parameters
    ----------
    connection
        The prepared warehouse, outside a transaction.
    settings
        Says where landing and the suites are.
    contract_table
        The table.
    feeds
        Its feeds from ``sources.yml``.
    run_id
        Written into ``ops.loads`` and ``ops.quality_results``.
    pending
        From `pending_files`, if the caller has asked already.
    again
        Paths of loaded files to load once more: what they brought is replaced in the same transaction, or stays when the batch is refused.

    Returns
    -------
    LoadResult
        A batch that cannot be read, or that a check refuses, is a result with ``is_refused``, not an error: the night goes on.

    Raises
    ------
    LandingError
        If landing itself cannot be read or written.
    ConfigError
        If the table has no suite, or it is not readable.
    """
    suite = load_suite(raw_suite_path(settings.expectations_dir, contract_table.identifier), contract_table.full_name)
    if pending is None:
        pending = pending_files(connection, settings, contract_table, feeds, again=again)
    paths_check = _paths_check(suite, pending)
    notes = [*pending.problems, *(f"{path}: still being written; the next run takes it" for path in pending.unsettled)]
    if not pending.files:
        return LoadResult(
            source_table=contract_table.full_name, checks=(paths_check,) if notes else (), message="\n".join(notes)
        )
    files = pending.files
    raise_tombstones(connection, settings.home)
    try:
        with tempfile.TemporaryDirectory(dir=settings.home, prefix=".load-") as work_dir:
            result = _load(connection, contract_table, files, suite, run_id, paths_check, Path(work_dir), again)
    except (LandingError, ConfigError) as error:
        checks = (_readable_check(suite, str(error)), paths_check)
        result = _refuse(connection, contract_table, files, run_id, checks, str(error), counts={})
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
        # An expression of sources.yml that cannot be evaluated; the casts of the contract's own types never raise.
        text = f"a mapping of {contract_table.full_name} fails on a value: {first_line(error)}. Use try_cast in the expression."
        checks = (_readable_check(suite, text), paths_check)
        result = _refuse(connection, contract_table, files, run_id, checks, text, counts={})
    finally:
        with suppress(duckdb.Error):
            drop_batch(connection)
        with suppress(duckdb.Error):
            lower_tombstones(connection)
    return replace(result, message="\n".join(part for part in (result.message, *notes) if part))


def rehearse(
    connection: duckdb.DuckDBPyConnection, settings: Settings, contract_table: ContractTable, file: LandedFile
) -> str:
    """Read and judge one file as a load would, and keep nothing.

    Parameters
    ----------
    connection
        The prepared warehouse, outside a transaction.
    settings
        Says where the suites are.
    contract_table
        The table.
    file
        The file, wherever it lies.

    Returns
    -------
    str
        Why it would be refused; empty when it would be loaded.
    """
    suite = load_suite(raw_suite_path(settings.expectations_dir, contract_table.identifier), contract_table.full_name)
    try:
        with tempfile.TemporaryDirectory(dir=settings.home, prefix=".load-") as work_dir:
            read_batch(connection, contract_table, [file], Path(work_dir))
        _quarantine_conflicts(connection, contract_table)
        apply_row_rules(connection, BATCH, row_rules(suite, BATCH))
        refusing = [check for check in judge_batch(connection, BATCH, suite) if check.is_batch_refused]
        return _refusal(contract_table, refusing) if refusing else ""
    except (LandingError, ConfigError, duckdb.ConversionException, duckdb.InvalidInputException) as error:
        return str(error)
    finally:
        with suppress(duckdb.Error):
            drop_batch(connection)


def _load(
    connection: duckdb.DuckDBPyConnection,
    table: ContractTable,
    files: Sequence[LandedFile],
    suite: Suite,
    run_id: str,
    paths_check: CheckResult,
    work_dir: Path,
    again: Collection[str],
) -> LoadResult:
    batch = read_batch(connection, table, files, work_dir)
    _note_replaced(connection, table, again)
    forgotten = leave_out_forgotten(connection, table, BATCH)
    rows_in = _per_file(connection, "true")
    collapsed = _collapse_identical(connection)
    _quarantine_conflicts(connection, table)
    apply_row_rules(connection, BATCH, row_rules(suite, BATCH))
    # A file that holds nobody but forgotten persons is not an empty one.
    empty = () if forgotten else _empty_batch_checks(suite, files)
    checks = judge_batch(connection, BATCH, suite) if rows_in else empty
    checks = (*checks, _readable_check(suite), paths_check)
    refusing = [check for check in checks if check.is_batch_refused]
    if refusing:
        return _refuse(connection, table, files, run_id, checks, _refusal(table, refusing), rows_in)
    for index, count in _collapse_redelivered(connection, table).items():
        collapsed[index] = collapsed.get(index, 0) + count
    quarantined = _per_file(connection, "len(_reasons) > 0")
    loaded = _per_file(connection, "len(_reasons) = 0")
    counts = {
        index: _Counts(rows_in.get(index, 0), loaded.get(index, 0), quarantined.get(index, 0), collapsed.get(index, 0))
        for index in range(len(files))
    }
    _write(connection, batch, run_id, checks, counts)
    return LoadResult(
        source_table=table.full_name,
        files=tuple(file.relative_path for file in files),
        rows_in=sum(count.rows_in for count in counts.values()),
        rows_loaded=sum(count.loaded for count in counts.values()),
        rows_quarantined=sum(count.quarantined for count in counts.values()),
        rows_collapsed=sum(count.collapsed for count in counts.values()),
        checks=checks,
        message=f"{forgotten} rows of forgotten persons left out; leadrelay forget --sweep takes them out of landing"
        if forgotten
        else "",
    )


# ------------------------------------------------------------------------------------------------------ rows of the batch


def _note_replaced(connection: duckdb.DuckDBPyConnection, table: ContractTable, again: Collection[str]) -> None:
    """Make `leadrelay_replaced`: the loads whose rows this batch takes the place of."""
    connection.execute(
        "create temp table leadrelay_replaced as select load_id from ops.loads "
        "where source_table = ? and status = ? and list_contains(?, file_path)",
        [table.full_name, LOADED, list(again)],
    )


def _remove_replaced(connection: duckdb.DuckDBPyConnection, table: ContractTable) -> None:
    """Take out what the replaced loads had brought, inside the transaction that brings it again."""
    for schema, column in (("raw", "_load_id"), ("quarantine", "load_id")):
        connection.execute(
            f"delete from {qualified(schema, table.identifier)} where {column} in (select load_id from leadrelay_replaced)"
        )
    connection.execute(
        "update ops.loads set status = ? where source_table = ? and status = ? and load_id in (select load_id from leadrelay_replaced)",
        [REPLACED, table.full_name, LOADED],
    )


def _per_file(connection: duckdb.DuckDBPyConnection, condition: str) -> dict[int, int]:
    return dict(
        connection.execute(
            f"select _file_index, count(*) from {BATCH} where {condition} group by _file_index"
        ).fetchall()
    )


def _collapse_identical(connection: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """Drop all but the first of identical rows of one delivery; return how many of each file.

    Rows of one file that say different arrivals (a history export) are different deliveries.
    """
    connection.execute(
        "create temp table leadrelay_repeated as select _file_index, _arrived_at, _record_id, _row_hash, min(_source_row) as first_row "
        f"from {BATCH} where _is_typed group by all having count(*) > 1"
    )
    return _delete_counted(
        connection,
        f"select b.rowid as batch_rowid, b._file_index from {BATCH} as b inner join leadrelay_repeated as r "
        "using (_file_index, _arrived_at, _record_id, _row_hash) where b._is_typed and b._source_row > r.first_row",
        "leadrelay_identical",
    )


def _quarantine_conflicts(connection: duckdb.DuckDBPyConnection, table: ContractTable) -> None:
    """Give a reason to rows of one delivery that share a key (and version) but not their content: which one is right cannot be told."""
    version = quote_identifier(table.version_column) if table.version_column else "cast(null as timestamp)"
    connection.execute(
        f"create temp table leadrelay_conflicting as select _file_index, _arrived_at, _record_id, {version} as version, count(*) as row_count "
        f"from {BATCH} where _is_typed group by all having count(*) > 1"
    )
    version_text = f" and {table.version_column}" if table.version_column else ""
    connection.execute(
        f"update {BATCH} as b set _reasons = list_append(_reasons, "
        f"'key ' || left(_record_key, 80) || ' stands in ' || c.row_count || ' rows of this file with different content' || {quote_literal(f' (same key{version_text})')}) "
        "from leadrelay_conflicting as c where b._is_typed and b._file_index = c._file_index and b._arrived_at = c._arrived_at and b._record_id = c._record_id "
        f"and {f'b.{version}' if table.version_column else version} is not distinct from c.version"
    )


def _collapse_redelivered(connection: duckdb.DuckDBPyConnection, table: ContractTable) -> dict[int, int]:
    """Drop rows that say what the version of their key before them already says; return how many of each file.

    Before means by load sequence, so that one load of many files and many loads of one file each keep the same versions.
    """
    version = quote_identifier(table.version_column) if table.version_column else "cast(null as timestamp)"
    raw = qualified("raw", table.identifier)
    connection.execute(
        "create temp table leadrelay_latest as "
        f"select r._record_id, arg_max(r._row_hash, row(r._load_sequence, r._arrived_at, coalesce({f'r.{version}' if table.version_column else version}, "
        "timestamp '0001-01-01'), r._source_row)) as _row_hash "
        f"from {raw} as r semi join {BATCH} as b on b._record_id = r._record_id "
        "anti join leadrelay_replaced as p on p.load_id = r._load_id group by r._record_id"
    )
    connection.execute(
        "create temp table leadrelay_revised as select _record_id from leadrelay_latest union "
        f"select _record_id from {BATCH} where len(_reasons) = 0 group by _record_id having count(*) > 1"
    )
    return _delete_counted(
        connection,
        f"""
        select batch_rowid, _file_index from (
            select
                b.rowid as batch_rowid, b._file_index, b._row_hash,
                coalesce(
                    lag(b._row_hash) over (partition by b._record_id order by b._load_sequence, b._arrived_at, {f"b.{version}" if table.version_column else version} nulls first, b._source_row),
                    l._row_hash
                ) as hash_before
            from {BATCH} as b
            semi join leadrelay_revised as v on v._record_id = b._record_id
            left join leadrelay_latest as l on l._record_id = b._record_id
            where len(b._reasons) = 0
        ) as versions where _row_hash = hash_before
        """,
        "leadrelay_redelivered",
    )


def _delete_counted(connection: duckdb.DuckDBPyConnection, query: str, name: str) -> dict[int, int]:
    connection.execute(f"create temp table {name} as {query}")
    counts = dict(connection.execute(f"select _file_index, count(*) from {name} group by _file_index").fetchall())
    if counts:
        connection.execute(f"delete from {BATCH} where rowid in (select batch_rowid from {name})")
    return counts


# --------------------------------------------------------------------------------------------------------------- checks


def _readable_check(suite: Suite, problem: str = "") -> CheckResult:
    return CheckResult(
        spec=files_readable_spec(suite),
        is_success=not problem,
        message=problem,
        is_batch_refused=bool(problem),
    )


def _paths_check(suite: Suite, pending: PendingFiles) -> CheckResult:
    problems = pending.problems
    return CheckResult(
        spec=landing_paths_spec(suite),
        is_success=not problems,
        evaluated_count=len(pending.files) + len(problems),
        unexpected_count=len(problems),
        examples=problems[:3],
        message=f"{len(problems)} paths in landing are not read: {problems[0]}" if problems else "",
    )


def _empty_batch_checks(suite: Suite, files: Sequence[LandedFile]) -> tuple[CheckResult, ...]:
    """Refuse files without a single row by the suite's own row-count check, without starting Great Expectations for it."""
    names = ", ".join(file.relative_path for file in files[:3])
    counting = [check for check in suite.checks if check.expectation_type == "expect_table_row_count_to_be_between"]
    spec = counting[0] if counting else quarantined_share_spec(suite)
    is_refused = spec.severity == "critical"
    return (
        CheckResult(
            spec=spec,
            is_success=False,
            evaluated_count=0,
            observed="0",
            message=f"{spec.name}: no rows in {names}",
            is_batch_refused=is_refused,
        ),
    )


def _refusal(table: ContractTable, refusing: Sequence[CheckResult]) -> str:
    lines = [f"{table.full_name}: the batch is refused; raw.{table.identifier} is as it was."]
    for check in refusing:
        lines.append(f"  {check.message}")
        lines.extend(f"    e.g. {example}" for example in check.examples)
    lines.append("  Correct the export or sources.yml or the suite, then run again: the same files are tried again.")
    return "\n".join(lines)


# -------------------------------------------------------------------------------------------------------------- writing


def _write(
    connection: duckdb.DuckDBPyConnection,
    batch: Batch,
    run_id: str,
    checks: tuple[CheckResult, ...],
    counts: dict[int, _Counts],
) -> None:
    table = batch.table
    moment = _now(connection)
    _register_files(connection, table, batch.files)
    _collect_quarantined(connection, batch)
    connection.execute("begin")
    try:
        _remove_replaced(connection, table)
        loaded = connection.execute(_raw_insert(table), [moment]).fetchone()
        quarantined = connection.execute(
            f"insert into {qualified('quarantine', table.identifier)} by name "
            "select md5(f.load_id || '|' || b._batch_row) as quarantine_id, f.load_id, b._load_sequence as load_sequence, "
            "f.source_system, f.source_file, b._source_row as source_row, b.raw_text, b._reasons as reasons, "
            "b._record_key as record_key, b._arrived_at as arrived_at, cast(? as timestamp) as quarantined_at, 'open' as status "
            "from leadrelay_quarantined as b inner join leadrelay_files as f on f.file_index = b._file_index "
            "order by b._file_index, b._source_row",
            [moment],
        ).fetchone()
        _close_corrected(connection, table, batch.files)
        _insert_loads(connection, table, batch.files, run_id, moment, LOADED, "", counts)
        note_forgotten(connection, run_id, table, moment)
        write_results(connection, run_id, moment, "raw", checks)
        _assert_nothing_lost(
            table, batch.files, counts, loaded[0] if loaded else 0, quarantined[0] if quarantined else 0
        )
        connection.execute("commit")
    except BaseException:
        _roll_back(connection)
        raise


def _close_corrected(connection: duckdb.DuckDBPyConnection, table: ContractTable, files: Sequence[LandedFile]) -> None:
    """Close the rows in quarantine that files of this batch take the place of."""
    for file in files:
        for path, numbers in file.corrects.items():
            connection.execute(
                f"update {qualified('quarantine', table.identifier)} set status = ? where source_file = ? and list_contains(?, source_row)",
                [CORRECTED, path, list(numbers)],
            )


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    """Undo a transaction; one whose commit the disk refused is undone already, and its own error is the one to tell."""
    with suppress(duckdb.Error):
        connection.execute("rollback")


def _raw_insert(table: ContractTable) -> str:
    from_batch = {name for name, _ in LINEAGE_COLUMNS} - {"_load_id", "_source_file", "_loaded_at"}
    names = [*table.column_names, *(name for name, _ in LINEAGE_COLUMNS if name in from_batch)]
    selected = ", ".join(f"b.{quote_identifier(name)}" for name in names)
    return (
        f"insert into {qualified('raw', table.identifier)} by name select {selected}, f.load_id as _load_id, "
        "f.source_file as _source_file, cast(? as timestamp) as _loaded_at "
        f"from {BATCH} as b inner join leadrelay_files as f on f.file_index = b._file_index where len(b._reasons) = 0"
    )


def _register_files(connection: duckdb.DuckDBPyConnection, table: ContractTable, files: Sequence[LandedFile]) -> None:
    rows = ", ".join(
        f"({index}, {quote_literal(_load_id(table, file))}, {quote_literal(file.relative_path)}, {quote_literal(file.source_system)}, "
        f"{file.load_sequence}, timestamp {quote_literal(str(file.arrived_at))})"
        for index, file in enumerate(files)
    )
    connection.execute(
        "create temp table leadrelay_files as select * from "
        f"(values {rows}) as v (file_index, load_id, source_file, source_system, load_sequence, arrived_at)"
    )


def _collect_quarantined(connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    """Put the quarantined rows beside their raw text, which is looked up again only for them."""
    connection.execute(
        "create temp table leadrelay_quarantined as select b._batch_row, b._file_index, b._source_row, b._record_key, b._reasons, "
        "coalesce(b._load_sequence, f.load_sequence) as _load_sequence, coalesce(b._arrived_at, f.arrived_at) as _arrived_at, "
        f"r.raw_text from {BATCH} as b inner join leadrelay_files as f on f.file_index = b._file_index "
        f"left join {REJECTS} as r on r._batch_row = b._batch_row where len(b._reasons) > 0"
    )
    row = connection.execute("select count(*) from leadrelay_quarantined where raw_text is null").fetchone()
    if not row or not row[0]:
        return
    for group in batch.groups:
        connection.execute(
            f"update leadrelay_quarantined as q set raw_text = left(s.raw_text, {RAW_TEXT_LIMIT}) "
            f"from (select {FILE_COLUMN} as _file_index, {ROW_COLUMN} as _source_row, {group.raw_text} as raw_text from {group.relation} as source_rows) as s "
            "where q.raw_text is null and q._batch_row >= 0 and q._file_index = s._file_index and q._source_row = s._source_row"
        )


def _insert_loads(
    connection: duckdb.DuckDBPyConnection,
    table: ContractTable,
    files: Sequence[LandedFile],
    run_id: str,
    moment: datetime,
    status: str,
    message: str,
    counts: dict[int, _Counts],
) -> None:
    rows = []
    for index, file in enumerate(files):
        count = counts.get(index, _Counts(0, 0, 0, 0))
        rows.append(
            (
                _load_id(table, file), file.load_sequence, run_id, table.full_name, file.source_system, file.relative_path,
                file.sha256, file.arrived_at, moment, count.rows_in, count.loaded, count.quarantined, count.collapsed, status, message,
            )
        )  # fmt: skip
    connection.executemany(f"insert into ops.loads values ({', '.join('?' * 15)})", rows)


def _refuse(
    connection: duckdb.DuckDBPyConnection,
    table: ContractTable,
    files: Sequence[LandedFile],
    run_id: str,
    checks: tuple[CheckResult, ...],
    message: str,
    counts: dict[int, int],
) -> LoadResult:
    moment = _now(connection)
    rows = {index: _Counts(count, 0, 0, 0) for index, count in counts.items()}
    connection.execute("begin")
    try:
        _insert_loads(connection, table, files, run_id, moment, REFUSED, message, rows)
        write_results(connection, run_id, moment, "raw", checks)
        connection.execute("commit")
    except BaseException:
        _roll_back(connection)
        raise
    return LoadResult(
        source_table=table.full_name,
        files=tuple(file.relative_path for file in files),
        rows_in=sum(counts.values()),
        is_refused=True,
        checks=checks,
        message=message,
    )


def _assert_nothing_lost(
    table: ContractTable, files: Sequence[LandedFile], counts: dict[int, _Counts], loaded: int, quarantined: int
) -> None:
    for index, count in counts.items():
        if count.rows_in != count.loaded + count.quarantined + count.collapsed:
            raise LeadrelayError(
                f"{files[index].relative_path}: {count.rows_in} rows came in, but {count.loaded} loaded + {count.quarantined} quarantined "
                f"+ {count.collapsed} collapsed do not add up; nothing was loaded into raw.{table.identifier}. This is a defect: report it."
            )
    if (loaded, quarantined) != (sum(c.loaded for c in counts.values()), sum(c.quarantined for c in counts.values())):
        raise LeadrelayError(
            f"{table.full_name}: {loaded} rows written to raw and {quarantined} to quarantine are not what was counted; nothing was kept. "
            "This is a defect: report it."
        )


def _load_id(table: ContractTable, file: LandedFile) -> str:
    """Return the same id for the same file in every rebuild."""
    return hashlib.md5(
        f"{table.full_name}|{file.load_sequence}|{file.sha256}".encode(), usedforsecurity=False
    ).hexdigest()


def _now(connection: duckdb.DuckDBPyConnection) -> datetime:
    """Return the clock, or a moment after the newest load when the clock was set back: which load is the newest must stay true."""
    now = datetime.now(tz=UTC).replace(tzinfo=None)
    row = connection.execute("select max(loaded_at) from ops.loads").fetchone()
    newest: datetime | None = row[0] if row else None
    return now if newest is None or newest < now else newest + timedelta(microseconds=1)
