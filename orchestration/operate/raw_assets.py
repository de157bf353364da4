"""The ingest step: every raw table an asset with its own checks, loaded one after the other over one connection.

A refused batch leaves its table as it was. The table is then reported again with its older rows, marked stale and with the red
check beside it, so that the night goes on; a table that `sources.yml` calls required ends the night instead.
The connection is closed before dbt starts, since the warehouse has one holder at a time.
What does not belong here: how a table is loaded and checked (`orchestration.ingest`, `orchestration.quality`).
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import duckdb

from orchestration.erase.retention import keep_nightly
from orchestration.ingest.collect import Collected, collect_table
from orchestration.ingest.contract import Contract, ContractTable, load_contract
from orchestration.ingest.feeds import FeedBase
from orchestration.ingest.loader import LoadResult, load_table
from orchestration.ingest.sources import Sources, load_sources
from orchestration.ingest.warehouse import (
    OPS_TABLES,
    connect,
    prepare,
    read_kept,
    write_as_of,
    write_kept,
    write_reader_runs,
)
from orchestration.operate.audit import copy_commands
from orchestration.operate.jobs import INGEST_STEP, RAW_FRESHNESS, RAW_GROUP
from orchestration.operate.lock import hold_night
from orchestration.operate.modes import close_home
from orchestration.publish.remembered import remember_published
from orchestration.quality.results import CheckResult, write_results
from orchestration.quality.suites import QUARANTINE_IS_USUAL, CheckSpec, raw_check_specs, source_is_read_spec
from orchestration.settings import Settings
from orchestration.transform.assets import WARNING
from orchestration.transform.translator import source_asset_key

_log = logging.getLogger(__name__)

_OPS_DESCRIPTIONS = {
    "loads": "What every delivered file brought and what became of it.",
    "quality_results": "What every data quality check found.",
    "as_of": "The moment that the models look back from.",
    "identity_quality": "What each published version said of identity: persons, merges, guards, review.",
    "commands": "Who ran what, and how it ended.",
    "published_night": "Which published version tonight is compared with.",
    "published_ledger": "The ledger as it was published before tonight.",
    "published_revisions": "What earlier nights changed in the published ledger.",
}


class IngestConfig(dg.Config):
    """What one run may ask of the ingest step.

    Parameters
    ----------
    as_of
        Look back from here (ISO 8601, UTC when it names no zone); default the latest arrival.
    from_scratch
        Remove the warehouse first and load everything that has ever landed.
    without_readers
        Ask no database, API or object store for what is new.
    """

    as_of: str | None = None
    from_scratch: bool = False
    without_readers: bool = False


def build_raw_assets(settings: Settings) -> dg.AssetsDefinition:
    """Return the raw tables and the loader's own books as assets of one step.

    Parameters
    ----------
    settings
        The home to load into.
    """
    contract = load_contract(settings.models_dir)
    tables = {raw_asset_key(table): table for table in contract.tables.values()}

    @dg.multi_asset(
        name=INGEST_STEP,
        specs=[*(_table_spec(table) for table in tables.values()), *_ops_specs()],
        check_specs=[
            _check_spec(table, check)
            for table in tables.values()
            for check in (
                *raw_check_specs(settings.expectations_dir, table.identifier, table.full_name),
                source_is_read_spec(table.full_name),
            )
        ],
        can_subset=True,
    )
    def ingest(context: dg.AssetExecutionContext, config: IngestConfig) -> Iterator[Any]:
        # A night that Dagster's daemon starts is a process of its own, and lets go of the lock when it ends.
        hold_night(settings)
        sources = load_sources(settings.sources_file, contract)
        close_home(settings)
        refused: list[LoadResult] = []
        with open_warehouse(settings, contract, from_scratch=config.from_scratch) as connection:
            for key, table in tables.items():
                if key not in context.selected_asset_keys:
                    continue
                feeds = sources.feeds(table.full_name)
                collected = () if config.without_readers else collect_table(settings, table, feeds)
                result = _load(connection, settings, table, feeds, collected, context.run.run_id)
                yield from (_check_result(key, check) for check in result.checks)
                yield from (dg.AssetObservation(asset_key=key, metadata={WARNING: text}) for text in alarms(result))
                if result.is_refused and _is_required(sources, table):
                    refused.append(result)
                else:
                    yield dg.MaterializeResult(asset_key=key, metadata=_metadata(result))
            if refused:
                raise dg.Failure(description=_required_refused(refused), allow_retries=False)
            remember_published(connection, settings.published_dir)
            keep_nightly(connection, settings, contract)
            copy_commands(connection, settings)
            as_of = write_as_of(connection, datetime.fromisoformat(config.as_of) if config.as_of else None, contract)
        yield from (
            dg.MaterializeResult(asset_key=spec.key, metadata={"as_of": as_of.isoformat()})
            for spec in _ops_specs()
            if spec.key in context.selected_asset_keys
        )

    return ingest


def alarms(result: LoadResult) -> list[str]:
    """Return what the night's screen has to say of a load that went through: a jump of the rows in quarantine."""
    jumped = [check for check in result.checks if check.name == QUARANTINE_IS_USUAL and not check.is_success]
    return [
        f"{result.source_table}: {result.rows_quarantined:,} of {result.rows_in:,} rows went to quarantine: {check.spec.reason}\n"
        f"leadrelay quarantine show {result.source_table}"
        for check in jumped
    ]


def _load(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    table: ContractTable,
    feeds: Sequence[FeedBase],
    collected: Sequence[Collected],
    run_id: str,
) -> LoadResult:
    """Load what has landed; a reader that failed makes the table stale."""
    write_reader_runs(connection, run_id, table.full_name, [_reader_run(one) for one in collected])
    result = load_table(connection, settings, table, feeds, run_id)
    _tell(result)
    if not collected:
        return result
    failed = [one.message for one in collected if one.is_failed]
    told = "\n".join(failed)
    check = CheckResult(source_is_read_spec(table.full_name), not failed, len(collected), len(failed), message=told)
    write_results(connection, run_id, datetime.now(tz=UTC).replace(tzinfo=None), "raw", [check])
    result = replace(result, checks=(*result.checks, check))
    if not failed:
        return result
    return replace(result, is_refused=True, message="\n".join(part for part in (result.message, told) if part))


def _reader_run(one: Collected) -> dict[str, Any]:
    return {
        "source_system": one.system,
        "reader": one.reader,
        "files_landed": one.files,
        "rows_landed": one.rows,
        "rows_vanished": one.vanished,
        "status": "failed" if one.is_failed else "read",
        "message": one.message,
    }


def raw_asset_key(table: ContractTable) -> dg.AssetKey:
    """Return the asset key of a contract table, such as ``raw/forms/submissions``."""
    return source_asset_key("raw", table.source, table.name)


def open_warehouse(settings: Settings, contract: Contract, *, from_scratch: bool) -> duckdb.DuckDBPyConnection:
    """Open and prepare the warehouse, anew when asked.

    Parameters
    ----------
    settings
        The home.
    contract
        What must exist in it.
    from_scratch
        Remove what is there first; it is opened once before, so that a warehouse in use is never pulled away. What people accepted and
        the history of identity's quality are carried over.

    Raises
    ------
    WarehouseLockedError
        If another process holds it.
    """
    kept: dict[str, list[dict[str, Any]]] = {}
    if from_scratch and settings.warehouse_path.exists():
        with connect(settings) as old:
            kept = read_kept(old)
        settings.warehouse_path.unlink()
    connection = connect(settings)
    prepare(connection, contract)
    write_kept(connection, kept)
    return connection


def _table_spec(table: ContractTable) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=raw_asset_key(table),
        group_name=RAW_GROUP,
        description=f"Every version of every {table.full_name} record that has landed.",
        kinds={"duckdb"},
        skippable=True,
        freshness_policy=RAW_FRESHNESS,
        metadata={
            "dagster/column_schema": dg.TableSchema(
                [dg.TableColumn(c.name, c.data_type, c.description) for c in table.columns]
            )
        },
    )


def _ops_specs() -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            key=source_asset_key("ops", "ops", name),
            group_name=RAW_GROUP,
            description=_OPS_DESCRIPTIONS[name],
            kinds={"duckdb"},
            skippable=True,
        )
        for name in OPS_TABLES
        if name in _OPS_DESCRIPTIONS
    ]


def _check_spec(table: ContractTable, check: CheckSpec) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        name=check.name,
        asset=raw_asset_key(table),
        description=check.reason,
        metadata={"severity": check.severity, "level": check.level, "tolerance": check.tolerance},
    )


def _check_result(key: dg.AssetKey, check: CheckResult) -> dg.AssetCheckResult:
    """Report one check; examples may hold personal data and stay in the warehouse."""
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=check.name,
        passed=check.is_success,
        severity=dg.AssetCheckSeverity.ERROR if check.severity == "critical" else dg.AssetCheckSeverity.WARN,
        description=check.message or None,
        metadata={
            "rows looked at": check.evaluated_count,
            "rows that fail": check.unexpected_count,
            "batch refused": check.is_batch_refused,
        },
    )


def _metadata(result: LoadResult) -> dict[str, Any]:
    return {
        "files": len(result.files),
        "rows loaded": result.rows_loaded,
        "rows in": result.rows_in,
        "rows quarantined": result.rows_quarantined,
        "rows collapsed": result.rows_collapsed,
        "stale": result.is_refused,
    }


def _is_required(sources: Sources, table: ContractTable) -> bool:
    entry = sources.tables.get(table.full_name)
    return entry is not None and entry.is_required


def _required_refused(refused: list[LoadResult]) -> str:
    names = ", ".join(result.source_table for result in refused)
    checks = [check.message for result in refused for check in result.checks if check.is_batch_refused]
    calls = f"sources.yml calls {'it' if len(refused) == 1 else 'them'} required"
    if not checks:
        return (
            f"{names} could not be brought up to date, and {calls}: {'; '.join(result.message for result in refused)}"
        )
    return f"the new rows of {names} were refused, and {calls}: {'; '.join(checks)}"


def _tell(result: LoadResult) -> None:
    if result.is_refused:
        _log.warning("%s: batch of %s rows refused, raw stays as it was", result.source_table, f"{result.rows_in:,}")
    elif result.files:
        _log.info(
            "%s: %s rows loaded, %s quarantined",
            result.source_table,
            f"{result.rows_loaded:,}",
            f"{result.rows_quarantined:,}",
        )
    if result.message and not result.is_refused:
        # Paths that no feed takes, and files that are still being written.
        _log.warning("%s: %s", result.source_table, result.message)
