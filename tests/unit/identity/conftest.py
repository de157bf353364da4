"""A scratch warehouse in which dbt builds one dictionary from the raw values of a test."""

from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.transform.runner import DbtOutcome, run_dbt

Row = tuple[object, ...]


@pytest.fixture(scope="session")
def normalise(tmp_path_factory) -> Callable[[str, str, Sequence[Row], Sequence[str]], list[Row]]:
    """Return a function (model, raw columns, raw rows, wanted columns) -> rows of the dictionary."""
    home = tmp_path_factory.mktemp("dictionaries")
    settings = Settings(home=home, sources_file=PROJECT_ROOT / "sources.yml")

    def build(model: str, columns: str, rows: Sequence[Row], wanted: Sequence[str]) -> list[Row]:
        write_inputs(settings.warehouse_path, columns, rows)
        invoke(
            settings,
            [
                "build",
                "--exclude-resource-type",
                "unit_test",
                "test",
                "--select",
                f"+{model},resource_type:seed",
                "+int_identity__character_maps",
            ],
        )
        invoke(settings, ["run", "--select", model])
        with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
            return connection.execute(f"select {', '.join(wanted)} from intermediate.{model}").fetchall()

    return build


def write_inputs(warehouse: Path, columns: str, rows: Sequence[Row]) -> None:
    """Write the raw values where the dictionaries look for them."""
    marks = ", ".join("?" for _ in columns.split(","))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema if not exists intermediate")
        connection.execute(
            "create or replace table intermediate.int_identity__record_versions "
            "(birth_order bigint, email varchar, phone varchar, country_code varchar, person_name varchar, company varchar)"
        )
        connection.execute(
            "create or replace table intermediate.int_identity__touch_keys (email varchar, phone varchar)"
        )
        connection.execute("create schema if not exists raw")
        connection.execute(
            "create or replace table raw.consent__suppression "
            "(identifier_type varchar, identifier varchar, _arrived_at timestamp, _load_sequence bigint)"
        )
        connection.execute(
            "create or replace table raw.forms__submissions "
            "(referred_by varchar, country varchar, _arrived_at timestamp, _load_sequence bigint)"
        )
        connection.execute("create schema if not exists ops")
        connection.execute("create or replace table ops.as_of as select timestamp '2026-01-01' as as_of")
        connection.executemany(
            f"insert into intermediate.int_identity__record_versions ({columns}) values ({marks})",
            [list(row) for row in rows],
        )


def invoke(settings: Settings, arguments: list[str]) -> None:
    """Run one dbt command to its end."""
    outcome: list[DbtOutcome] = []

    def follow():
        outcome.append((yield from run_dbt(settings, ["--quiet", *arguments])))

    list(follow())
    assert outcome[0].success, outcome[0].message or outcome[0].failures
