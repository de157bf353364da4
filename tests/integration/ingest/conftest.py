"""A small home of real files and a real warehouse, without the nightly around it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.ingest.contract import Contract, ContractTable, load_contract
from orchestration.ingest.landing import checksum, write_sidecar
from orchestration.ingest.loader import LoadResult, load_table, pending_files
from orchestration.ingest.sources import Feed
from orchestration.ingest.warehouse import connect, prepare
from orchestration.settings import PROJECT_ROOT, Settings

ARRIVED_AT = datetime(2026, 3, 1, 2, tzinfo=UTC)


@dataclass
class Bench:
    """One home with the calls that the tests repeat."""

    settings: Settings
    connection: duckdb.DuckDBPyConnection
    contract: Contract
    runs: int = 0
    results: list[LoadResult] = field(default_factory=list)
    feed: Feed = field(default_factory=lambda: Feed(system="site", files="*"))

    def table(self, name: str) -> ContractTable:
        return self.contract.table(name)

    def path(self, name: str, table: str = "forms.submissions", day: str = "2026-03-01") -> Path:
        path = self.settings.landing_dir / table.replace(".", "/") / day / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def drop(
        self, name: str, content: bytes | str | list[dict], table: str = "forms.submissions", day: str = "2026-03-01"
    ) -> Path:
        """Land a file; dictionaries become JSON lines."""
        path = self.path(name, table, day)
        if isinstance(content, list):
            content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def land(
        self,
        name: str,
        content: bytes | str | list[dict],
        sequence: int,
        arrived_at: str,
        table: str = "forms.submissions",
    ) -> Path:
        """Land a file with a sidecar."""
        path = self.drop(name, content, table, arrived_at[:10])
        sidecar = {
            "arrived_at": arrived_at,
            "load_sequence": sequence,
            "sha256": checksum(path)[0],
            "source_system": "site",
        }
        write_sidecar(path, sidecar)
        return path

    def load(self, *feeds: Feed, table: str = "forms.submissions", settings: Settings | None = None) -> LoadResult:
        """Load a table; afterwards nothing may be lost, a refused batch leaves raw as it was and a check red, and no temporary table is left."""
        self.runs += 1
        settings = settings or self.settings
        chosen = feeds or (self.feed,)
        everything = f"select count(*), bit_xor(hash(r)) from raw.{self.table(table).identifier} as r"
        before = self.rows(everything)
        pending = pending_files(self.connection, settings, self.table(table), chosen, settle_seconds=0, now=ARRIVED_AT)
        result = load_table(self.connection, settings, self.table(table), chosen, f"run-{self.runs}", pending)
        self.results.append(result)
        if result.is_refused:
            assert self.rows(everything) == before
            assert [check.name for check in result.checks if check.is_batch_refused], "a check is red"
            assert (result.rows_loaded, result.rows_quarantined, result.rows_collapsed) == (0, 0, 0)
        else:
            assert result.rows_in == result.rows_loaded + result.rows_quarantined + result.rows_collapsed
        assert self.rows("select table_name from duckdb_tables() where temporary") == []
        assert not list(settings.home.glob(".load-*"))
        return result

    def rows(self, query: str) -> list[tuple]:
        return self.connection.execute(query).fetchall()

    def raw(self, columns: str = "submission_id", table: str = "forms.submissions") -> list[tuple]:
        return self.rows(
            f"select {columns} from raw.{self.table(table).identifier} order by _load_sequence, _source_row"
        )

    def quarantine(self, columns: str = "source_row, reasons", table: str = "forms.submissions") -> list[tuple]:
        return self.rows(
            f"select {columns} from quarantine.{self.table(table).identifier} order by load_sequence, source_row"
        )


@pytest.fixture(scope="session")
def contract() -> Contract:
    return load_contract(PROJECT_ROOT / "models")


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Path:
    """A prepared warehouse file, made once and copied."""
    settings = Settings(home=tmp_path_factory.mktemp("empty") / "home", sources_file=PROJECT_ROOT / "sources.yml")
    with connect(settings) as connection:
        prepare(connection, contract)
    return settings.warehouse_path


@pytest.fixture
def bench(tmp_path: Path, contract: Contract, empty_warehouse: Path) -> Iterator[Bench]:
    home = tmp_path / "a home"
    home.mkdir()
    settings = Settings(home=home, sources_file=PROJECT_ROOT / "sources.yml")
    settings.warehouse_path.write_bytes(empty_warehouse.read_bytes())
    with connect(settings) as connection:
        yield Bench(settings=settings, connection=connection, contract=contract)


def submission(number: int, **values: object) -> dict:
    """A sound form submission."""
    return {"submission_id": f"s{number}", "submitted_at": "2026-02-28T10:00:00Z", "form_type": "trial", **values}


@pytest.fixture
def many() -> list[dict]:
    """Enough sound rows that a few bad ones stay below every tolerance."""
    return [submission(number) for number in range(100, 120)]
