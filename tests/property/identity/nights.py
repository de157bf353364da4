"""A company whose data lands night by night, told to one warehouse that is kept and to others that are built from nothing.

What belongs here: landing raw rows, writing a steward's decisions, running the night's models, comparing two warehouses row for row.
What a night must come out as is said in the tests.

Decisions are rows of a seed file, so every company has a copy of the dbt project with a seed file of its own.
"""

import csv
import hashlib
import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.ingest.contract import Contract, load_contract
from orchestration.ingest.warehouse import prepare
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.sql import qualified, quote_literal
from orchestration.transform.runner import run_dbt
from tests.integration.lifecycle.conftest import finish

FIRST_DAY = datetime(2025, 1, 1)
SYSTEM = "one"
IDENTITY = (
    "+int_identity__night_state",
    "+int_identity__cluster_records",
    "+int_identity__identifiers",
    "+int_identity__interaction_persons",
    "+int_identity__profile_history",
    "+bridge_person_record",
    "+bridge_person_redirect",
)
OVERRIDE_COLUMNS = (
    "decision",
    "left_type",
    "left_value",
    "right_type",
    "right_value",
    "decided_by",
    "decided_at",
    "reason",
)
TIMES = {
    "forms.submissions": ("submitted_at",),
    "events.registrations": ("registered_at",),
    "events.attendance": ("checked_in_at",),
    "webinars.registrations": ("registered_at",),
    "crm.leads": ("created_at", "updated_at"),
    "crm.contacts": ("created_at", "updated_at"),
    "crm.merges": ("merged_at",),
    "crm.opportunities": ("created_at", "updated_at"),
    "consent.events": ("occurred_at",),
    "engagement.interactions": ("occurred_at",),
}
KEYS = {
    "forms.submissions": "submission_id",
    "events.registrations": "registration_id",
    "webinars.registrations": "registration_id",
    "crm.leads": "lead_id",
    "crm.contacts": "contact_id",
    "crm.opportunities": "opportunity_id",
    "engagement.interactions": "interaction_id",
}

Decision = dict[str, str]


def day(night: float) -> datetime:
    """Return the moment of a night; what lands in it has arrived by then."""
    return FIRST_DAY + timedelta(days=night)


def record_id(table: str, key: str) -> str:
    """Return the id of a record, as the loader gives it."""
    return hashlib.md5(f"{SYSTEM}|{table}|{key}".encode(), usedforsecurity=False).hexdigest()


@dataclass
class Company:
    """What has landed so far, the warehouse that is kept, and the decisions in force.

    Parameters
    ----------
    folder
        An empty folder.
    select
        Models that a night builds.
    """

    folder: Path
    select: Sequence[str] = IDENTITY
    waiting: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    loads: int = 0
    rows: int = 0
    has_run: bool = False

    def __post_init__(self) -> None:
        checkout = self.folder / "checkout"
        for name in ("dbt_project", "models", "seeds", "orchestration/identity"):
            ignored = shutil.ignore_patterns("target", "logs", "dbt_packages")
            shutil.copytree(PROJECT_ROOT / name, checkout / name, ignore=ignored)
        home = self.folder / "home"
        home.mkdir()
        self.settings = Settings(home=home, sources_file=home / "sources.yml", project_root=checkout)
        self.contract: Contract = load_contract(self.settings.models_dir)
        with duckdb.connect(str(self.settings.warehouse_path)) as connection:
            prepare(connection, self.contract)

    @property
    def warehouse(self) -> Path:
        """The warehouse that is kept from night to night."""
        return self.settings.warehouse_path

    def land(self, table: str, key: str, *, at: datetime, arrived_at: datetime | None = None, **values: Any) -> str:
        """Put a row where the next `load` finds it.

        Parameters
        ----------
        table
            ``<source>.<table>``.
        key
            The record's key; a key that was there before makes a new version.
        at
            When it happened, or was changed.
        arrived_at
            When it arrived, where that is not the load's night: a file found late.
        values
            Other columns.

        Returns
        -------
        str
            The record's id.
        """
        row: dict[str, Any] = {**values, "_record_key": key, "_arrived_at": arrived_at}
        if table in KEYS:
            row[KEYS[table]] = key
        for column in TIMES[table]:
            row.setdefault(column, at)
        if table == "engagement.interactions":
            row.setdefault("type", "page_view")
        row["_record_id"] = record_id(table, key)
        self.waiting[table].append(row)
        return str(row["_record_id"])

    def merge(self, loser: str, winner: str, *, at: datetime, object_type: str = "contact") -> None:
        """Put a merge of the CRM where the next `load` finds it."""
        self.land(
            "crm.merges",
            f"{object_type}|{loser}|{winner}",
            at=at,
            object_type=object_type,
            loser_id=loser,
            winner_id=winner,
        )

    def decide(self, decisions: Iterable[Decision]) -> None:
        """Write the decisions that are in force from the next night on; all others are gone."""
        path = self.settings.project_root / "seeds" / "identity" / "identity_overrides.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, OVERRIDE_COLUMNS, restval="", lineterminator="\n")
            writer.writeheader()
            for decision in decisions:
                writer.writerow(
                    {
                        "decided_by": "steward",
                        "decided_at": f"{FIRST_DAY:%Y-%m-%d %H:%M:%S}",
                        "reason": "test",
                        **decision,
                    }
                )

    def load(self, night: int, tables: Sequence[str] | None = None) -> None:
        """Load what waits, each table as a load of its own, in the order of ``tables`` (default: by name)."""
        order = list(tables or ())
        order += sorted(self.waiting.keys() - set(order))
        with duckdb.connect(str(self.warehouse)) as connection:
            for table in order:
                if rows := self.waiting.pop(table, None):
                    self.loads += 1
                    self._insert(connection, table, night, rows)

    def run(self, night: float, *extra: str) -> None:
        """Run the night's models on the warehouse that is kept, looking back from ``night``."""
        self._run(night, *extra, is_first=not self.has_run)
        self.has_run = True

    def rebuild(self, night: float) -> Path:
        """Build another warehouse from the same raw rows and decisions, and return its file.

        It stands where the kept one stands while dbt runs, since a home has one warehouse.
        """
        kept, rebuilt = self.folder / "kept.duckdb", self.folder / f"rebuilt {self.loads} {night}.duckdb"
        self.warehouse.rename(kept)
        try:
            with duckdb.connect(str(self.warehouse)) as connection:
                prepare(connection, self.contract)
                connection.execute(f"attach {quote_literal(str(kept))} as kept (read_only)")
                for table in self.contract.tables.values():
                    name = qualified("raw", table.identifier)
                    connection.execute(f"insert into {name} by name select * from kept.{name}")
                connection.execute("insert into ops.loads by name select * from kept.ops.loads")
            self._run(night, is_first=True)
            self.warehouse.rename(rebuilt)
        finally:
            kept.rename(self.warehouse)
        return rebuilt

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query on the warehouse that is kept."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def persons(self) -> dict[str, str]:
        """Return the person of every record."""
        return dict(self.ask("select record_id, person_id from marts.bridge_person_record"))

    def redirects(self) -> list[tuple[str, str, datetime | None, datetime | None]]:
        """Return (retired id, its person, from, to) of every redirect; `to` is None while it holds."""
        return self.ask(
            "select retired_person_id, person_id, valid_from, valid_to from marts.bridge_person_redirect order by all"
        )

    def resolve(self, published: str) -> str | None:
        """Return the person that an id leads to today, as anybody with the marts would look it up."""
        found = self.ask(
            f"""
            select person_id from marts.bridge_person_record where person_id = {quote_literal(published)}
            union
            select person_id from marts.bridge_person_redirect
            where retired_person_id = {quote_literal(published)} and valid_to is null
            """
        )
        assert len(found) <= 1, f"{published} leads to {found}"
        return found[0][0] if found else None

    def _run(self, night: float, *extra: str, is_first: bool) -> None:
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute("delete from ops.as_of")
            connection.execute("insert into ops.as_of values (?)", [day(night)])
        models = ["--select", *self.select, "--exclude-resource-type", "test", "unit_test"]
        # rules do not change in these tests, and reading forty files again each night is a good part of its time; by folder, since dbt
        # holds every name against every node
        seeds = self.settings.project_root / "seeds"
        rooms = [f"leadrelay.{room.name}" for room in seeds.iterdir() if room.is_dir() and room.name != "identity"]
        rules = {path.stem for path in self.settings.project_root.rglob("identity/**/*.csv")} - {"identity_overrides"}
        known = [] if is_first else ["--exclude", *sorted(rooms), *sorted(rules)]
        outcome = finish(run_dbt(self.settings, ["--quiet", "build", *models, *known, *extra]))
        assert outcome.success, outcome.failures or outcome.message

    def _insert(
        self, connection: duckdb.DuckDBPyConnection, table: str, night: int, rows: list[dict[str, Any]]
    ) -> None:
        load_id = hashlib.md5(f"{table}|{self.loads}".encode(), usedforsecurity=False).hexdigest()
        for number, row in enumerate(rows, start=1):
            self.rows += 1
            row |= {
                "_arrived_at": row["_arrived_at"] or day(night) - timedelta(hours=1),
                "_source_system": SYSTEM,
                "_is_date_only": False,
                "_load_sequence": self.loads,
                "_load_id": load_id,
                "_source_file": f"{table} {self.loads}",
                "_source_row": number,
                "_loaded_at": day(night),
                "_row_hash": f"row {self.rows}",
            }
        columns = sorted({name for row in rows for name in row})
        landed = pa.table({name: [row.get(name) for row in rows] for name in columns})
        connection.register("landed", landed)
        name = qualified("raw", table.replace(".", "__"))
        connection.execute(f"insert into {name} by name select * from landed")
        connection.unregister("landed")
        connection.execute(
            "insert into ops.loads (load_id, load_sequence, run_id, source_table, source_system, file_path, file_checksum, arrived_at, "
            "loaded_at, rows_in, rows_loaded, rows_quarantined, rows_collapsed, status) values (?, ?, 'test', ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 'loaded')",
            [load_id, self.loads, table, SYSTEM, table, load_id, day(night), day(night), len(rows), len(rows)],
        )


def rows_of(path: Path, query: str) -> pa.Table:
    """Return what a query gives on a warehouse file, under the name by which its own views know it."""
    with duckdb.connect() as connection:
        connection.execute(f"attach {quote_literal(str(path))} as warehouse (read_only)")
        connection.execute("use warehouse")
        return connection.execute(query).to_arrow_table()


def differing_rows(one: Path, other: Path, query: str) -> list[tuple[Any, ...]]:
    """Return rows of a query that one file gives and the other does not, each with the side that has it."""
    with duckdb.connect() as connection:
        connection.register("kept", rows_of(one, query))
        connection.register("rebuilt", rows_of(other, query))
        return connection.execute(
            """
            select 'only kept' as side, * from (from kept except all from rebuilt)
            union all
            select 'only rebuilt' as side, * from (from rebuilt except all from kept)
            order by all
            """
        ).fetchall()


__all__ = [
    "IDENTITY",
    "Company",
    "Decision",
    "day",
    "differing_rows",
    "record_id",
    "rows_of",
]
