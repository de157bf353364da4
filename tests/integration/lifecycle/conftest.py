"""Load and transform a home without the rest of a nightly: no publish, no data tests, only the models that are asked for."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestration.ingest import warehouse
from orchestration.ingest.contract import load_contract
from orchestration.ingest.loader import load_table
from orchestration.ingest.sources import load_sources
from orchestration.settings import Settings
from orchestration.transform.runner import DbtOutcome, run_dbt
from tests.integration.lifecycle.histories import FIRST_NIGHT, MARTS, first_night


def _load_everything(settings: Settings) -> None:
    settings.home.mkdir(parents=True, exist_ok=True)
    sources = load_sources(settings.sources_file, load_contract(settings.models_dir))
    with warehouse.connect(settings) as connection:
        warehouse.prepare(connection)
        for entry in sources.tables.values():
            result = load_table(connection, settings, entry.table, entry.feeds, run_id="test")
            assert not result.is_refused, result.message
            assert result.rows_quarantined == 0, result.message
        warehouse.write_as_of(connection, None)


def finish(run: Generator[dict[str, Any], None, DbtOutcome]) -> DbtOutcome:
    """Let a dbt run come to its end."""
    while True:
        try:
            next(run)
        except StopIteration as stopped:
            return stopped.value


def _dbt(settings: Settings, arguments: Sequence[str]) -> None:
    outcome = finish(run_dbt(settings, arguments))
    assert outcome.success, outcome.failures


@pytest.fixture(scope="session")
def build_marts() -> Callable[[Settings, str], None]:
    """Return a function that loads what has landed in a home and builds the selected models."""

    def build(settings: Settings, select: str) -> None:
        _load_everything(settings)
        _dbt(settings, ["seed"])
        _dbt(settings, ["run", "--select", *select.split()])

    return build


@pytest.fixture(scope="session")
def stories_home(tmp_path_factory: pytest.TempPathFactory, build_marts: Callable[[Settings, str], None]) -> Settings:
    """A home with every history of `histories` as the first night knows it. Read only."""
    settings = Settings(
        home=tmp_path_factory.mktemp("stories"), sources_file=Path(__file__).parent / "stories_sources.yml"
    )
    first_night().write(settings.landing_dir, arrived_at=FIRST_NIGHT)
    build_marts(settings, MARTS)
    return settings
