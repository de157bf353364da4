"""Writes facts as landing files: arrivals, nights, re-deliveries, sidecars.

What belongs here: which row arrives in which file and how files are written. The columns are those of the raw contract
(the source ymls of the staging models); here is no second list of them.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import duckdb
import numpy as np
import pandas as pd

from orchestration.ingest.contract import Contract, ContractTable
from orchestration.sample.arrays import DAY, HOUR, NAT, Bools, Column, Ints, Texts, chance, either, stream
from orchestration.sample.clock import Clock
from orchestration.sample.facts import Table
from orchestration.sql import quote_identifier, quote_literal

FileFormat = Literal["jsonl", "csv", "parquet"]

DELIVERY_HOUR = 2
LATE_SHARE = 0.02
LATEST_DAYS = 9
NIGHTS = 3
REDELIVERED_SHARE = 0.012
CORRECTED_SHARE = 0.25
DATE_ONLY_COLUMNS = {
    ("crm.status_history", "crm_cn"): ("changed_at",),
    ("crm.opportunities", "crm_cn"): ("created_at", "updated_at", "closed_at"),
    ("crm.opportunity_history", "crm_cn"): ("changed_at",),
    ("crm.opportunity_contacts", "crm_cn"): ("added_at",),
}
SYSTEMS_WITH_DATES = ("crm_cn",)
COPY_OPTIONS: dict[FileFormat, str] = {
    "jsonl": "format json, array false",
    "csv": "format csv, header true, delimiter ','",
    "parquet": "format parquet, compression zstd",
}


@dataclass(frozen=True)
class Landed:
    """One written file.

    Parameters
    ----------
    path
        Below the landing folder.
    rows
        Rows in it.
    """

    path: Path
    rows: int


def arrivals(at: Ints, clock: Clock, rng: np.random.Generator) -> Ints:
    """Return when each row reaches the landing zone: the night after, a few rows days late, none after the last night."""
    night = (at - DELIVERY_HOUR * HOUR) // DAY + 1
    late = np.where(chance(rng, len(at), LATE_SHARE), rng.integers(1, LATEST_DAYS + 1, len(at)), 0)
    last = clock.last_day + 1
    return (np.clip(night + late, clock.first_day + 1, np.maximum(last, night)) * DAY + DELIVERY_HOUR * HOUR).astype(
        np.int64
    )


def base_instant(table: Table, contract: ContractTable, clock: Clock) -> Ints:
    """Return the instant that a row's arrival follows: its version's, its event's, or the start of the sample."""
    start = np.full(len(table), clock.start, dtype=np.int64)
    if contract.name in {"catalog", "campaigns"}:
        return start
    name = contract.version_column or contract.event_time
    column = table.columns.get(name) if name else None
    if column is None:
        return start
    # a date stands for its whole day, so it is exported the night after
    whole_day = np.array(
        [name in DATE_ONLY_COLUMNS.get((contract.full_name, system), ()) for system in SYSTEMS_WITH_DATES], dtype=bool
    )
    is_date = np.isin(table.columns["_system"].astype(str), np.array(SYSTEMS_WITH_DATES)[whole_day]) | (
        contract.column(str(name)).data_type == "DATE"
    )
    return np.where(column == NAT, start, np.where(is_date, column + DAY - 1, column)).astype(np.int64)


def in_version_order(arrived_at: Ints, keys: Texts) -> tuple[Ints, Bools]:
    """Return arrivals in which no version overtakes an older one, and which rows are their key's newest version.

    Parameters
    ----------
    arrived_at
        Seconds; rows of one key in the order of their versions.
    keys
        Record key per row.
    """
    code = pd.factorize(keys)[0]
    order = np.argsort(code, kind="stable")
    sorted_code = code[order]
    starts = np.concatenate([[True], sorted_code[1:] != sorted_code[:-1]]) if len(code) else np.zeros(0, dtype=bool)
    in_order = pd.Series(arrived_at[order]).groupby(sorted_code, sort=False).cummax().to_numpy()
    arrived = np.empty_like(arrived_at)
    arrived[order] = in_order
    newest = np.zeros(len(code), dtype=bool)
    newest[order] = np.concatenate([starts[1:], [True]]) if len(code) else starts
    return arrived, newest


def delivered(
    table: Table, arrived_at: Ints, is_newest: Bools, clock: Clock, rng: np.random.Generator
) -> tuple[Table, Ints]:
    """Add re-deliveries: rows of the history that a source sends again in one of the last nights.

    Most come unchanged; of submissions and registrations a part comes corrected, which is a new version.
    """
    count = len(table)
    first_night = (clock.last_day + 2 - NIGHTS) * DAY
    old = np.flatnonzero((arrived_at < first_night) & is_newest)
    again = min(len(old), max(1, int(count * REDELIVERED_SHARE))) if len(old) else 0
    chosen = np.sort(rng.choice(old, again, replace=False)) if again else old[:0]
    nights = (clock.last_day + 2 - NIGHTS + rng.integers(0, NIGHTS, again)) * DAY + DELIVERY_HOUR * HOUR
    second = table.take(chosen)
    corrected = chance(rng, again, CORRECTED_SHARE)
    for name, value in (("message", "(corrected by support)"), ("status", "cancelled")):
        if name in second.columns and "updated_at" not in second.columns:
            second.columns[name] = either(corrected, value, second.columns[name])
    both = table.appended(second)
    arrived = np.concatenate([arrived_at, nights])
    order = np.lexsort((np.arange(len(arrived)), arrived))
    return both.take(order), arrived[order].astype(np.int64)


class LandingWriter:
    """Writes all files of one sample.

    Parameters
    ----------
    out_dir
        The landing folder.
    contract
        Columns and types.
    clock
        The span.
    file_format
        Of every file.
    seed
        The sample's seed.
    """

    def __init__(self, out_dir: Path, contract: Contract, clock: Clock, file_format: FileFormat, seed: int) -> None:
        self.out_dir = out_dir
        self.contract = contract
        self.clock = clock
        self.file_format: FileFormat = file_format
        self.rng = stream(seed, "delivery")
        self.connection = duckdb.connect(":memory:", config={"threads": 2})
        self.connection.execute("set preserve_insertion_order = true")
        self.pending: list[tuple[int, str, str, Table, Ints]] = []

    def add(self, name: str, table: Table) -> None:
        """Take one source table; split it by system and by night."""
        contract = self.contract.table(name)
        for system in sorted(set(table.columns["_system"].tolist())) if len(table) else ():
            part = table.take(np.flatnonzero(table.columns["_system"] == system))
            base = base_instant(part, contract, self.clock)
            in_order, newest = in_version_order(arrivals(base, self.clock, self.rng), record_keys(part, contract))
            rows, arrived = delivered(part, in_order, newest, self.clock, self.rng)
            history_day = self.clock.last_day + 1 - NIGHTS
            file_day = np.maximum(arrived // DAY, history_day)
            for day in np.unique(file_day).tolist():
                here = np.flatnonzero(file_day == day)
                self.pending.append((int(day), name, str(system), rows.take(here), arrived[here]))

    def write(self) -> list[Landed]:
        """Write every file and its sidecar, in the order of arrival."""
        landed = []
        self.pending.sort(key=lambda item: item[:3])
        for sequence, (day, name, system, table, arrived) in enumerate(self.pending, start=1):
            landed.append(self._write_file(day, name, system, table, arrived, sequence))
        self.pending.clear()
        return landed

    def close(self) -> None:
        """Close the writer's engine."""
        self.connection.close()

    def _write_file(self, day: int, name: str, system: str, table: Table, arrived: Ints, sequence: int) -> Landed:
        contract = self.contract.table(name)
        date = np.datetime64(day, "D").astype(str)
        folder = self.out_dir / contract.source / contract.name / str(date)
        folder.mkdir(parents=True, exist_ok=True)
        kind = "history" if day == self.clock.last_day + 1 - NIGHTS else "night"
        path = folder / f"{system}.{kind}.{self.file_format}"
        frame = self._frame(contract, table, arrived)
        self.connection.register("rows", frame)
        select = ", ".join(self._expression(contract, column, system) for column in frame.columns)
        self.connection.execute(
            f"copy (select {select} from rows) to {quote_literal(str(path))} ({COPY_OPTIONS[self.file_format]})"
        )
        self.connection.unregister("rows")
        sidecar = {
            "arrived_at": datetime.fromtimestamp(day * DAY + DELIVERY_HOUR * HOUR, tz=UTC).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            ),
            "load_sequence": sequence,
            "sha256": _checksum(path),
            "source_system": system,
        }
        path.with_name(f"{path.name}.arrival.json").write_text(json.dumps(sidecar) + "\n", encoding="utf-8")
        return Landed(path.relative_to(self.out_dir), len(table))

    def _frame(self, contract: ContractTable, table: Table, arrived: Ints) -> pd.DataFrame:
        columns: dict[str, object] = {}
        for column in contract.columns:
            values = table.columns.get(column.name)
            if values is None:
                columns[column.name] = np.full(len(table), None, dtype=object)
            elif values.dtype == np.int64:
                columns[column.name] = values.view("datetime64[s]")
            elif values.dtype == object and len(values) > SMALL_TABLE:
                columns[column.name] = pd.Categorical(values) if _repeats(values) else values
            else:
                columns[column.name] = values
        columns["_arrived_at"] = arrived.view("datetime64[s]")
        return pd.DataFrame(columns, copy=False)

    def _expression(self, contract: ContractTable, column: str, system: str) -> str:
        """Return the SQL that writes one column: text formats get texts, Parquet gets types."""
        name = quote_identifier(column)
        data_type = "TIMESTAMP" if column == "_arrived_at" else contract.column(column).data_type
        is_date = data_type == "DATE" or column in DATE_ONLY_COLUMNS.get((contract.full_name, system), ())
        if is_date:
            value = f"cast({name} as date)"
        elif data_type == "TIMESTAMP" and self.file_format != "parquet":
            value = f"strftime(cast({name} as timestamp), '%Y-%m-%dT%H:%M:%SZ')"
        elif data_type == "DOUBLE":
            value = f"case when isnan(cast({name} as double)) then null else cast({name} as double) end"
        elif data_type == "BIGINT" or data_type.startswith("DECIMAL"):
            value = f"case when isnan(cast({name} as double)) then null else cast(cast({name} as double) as {data_type}) end"
        else:
            value = f"cast({name} as {data_type})"
        return f"{value} as {name}"


SMALL_TABLE = 20_000
REPEATING_SHARE = 0.2


def _repeats(values: Texts) -> bool:
    """Return whether a column has so few values that a dictionary pays off, by a sample of its rows."""
    probe = values[:: max(1, len(values) // 2_000)]
    return len(set(probe.tolist())) < len(probe) * REPEATING_SHARE


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record_keys(table: Table, contract: ContractTable) -> Texts:
    """Return the canonical record key of each row, as the loader builds it."""
    parts = [_key_texts(table.columns.get(column.name), len(table)) for column in contract.key_columns]
    return np.array(["|".join(row) for row in zip(*parts, strict=True)], dtype=object)


def _key_texts(values: Column | None, count: int) -> list[str]:
    if values is None:
        return [""] * count
    if values.dtype == np.int64:
        stamps = values.view("datetime64[s]").astype(str).tolist()
        return [f"{stamp.replace('T', ' ')}.000000" if stamp != "NaT" else "" for stamp in stamps]
    return ["" if value is None else str(value).replace("\\", "\\\\").replace("|", "\\|") for value in values.tolist()]
