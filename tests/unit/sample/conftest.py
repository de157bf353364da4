"""One small sample company for all tests of the room."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestration.ingest.contract import load_contract
from orchestration.sample import SampleSummary, write_sample
from orchestration.settings import PROJECT_ROOT

PEOPLE = 1_500
DAYS = 540


@dataclass
class Company:
    """A written sample and ways to read it."""

    summary: SampleSummary
    opened: duckdb.DuckDBPyConnection | None = None

    def truth(self, name: str) -> pd.DataFrame:
        with duckdb.connect(":memory:") as connection:
            return connection.execute(
                "select * from read_parquet(?)", [str(self.summary.truth_dir / f"{name}.parquet")]
            ).df()

    def connection(self) -> duckdb.DuckDBPyConnection:
        """Return an engine with one view per table and per truth table; `system` is the source system."""
        if self.opened is not None:
            return self.opened
        self.opened = connection = duckdb.connect(":memory:")
        contract = load_contract(PROJECT_ROOT / "models")
        for folder in sorted(self.summary.landing_dir.glob("*/*")):
            source, table = folder.relative_to(self.summary.landing_dir).parts
            definition = contract.table(f"{source}.{table}")
            keys = ", ".join(column.name for column in definition.key_columns)
            newest = ", ".join(f"{name} desc" for name in ("_arrived_at", definition.version_column) if name)
            connection.execute(
                f"create table {source}_{table} as "
                f"select distinct on (system, {keys}) *, split_part(parse_filename(filename), '.', 1) as system "
                f"from read_parquet('{folder}/*/*.parquet', filename = true) order by system, {keys}, {newest}"
            )
        for path in sorted(self.summary.truth_dir.glob("*.parquet")):
            connection.execute(f"create table {path.stem} as select * from read_parquet('{path}')")
        return connection


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    folder: Path = tmp_path_factory.mktemp("company")
    return Company(write_sample(folder / "landing", PEOPLE, DAYS, 7, "parquet"))
