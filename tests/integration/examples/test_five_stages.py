"""A company with five stages instead of nine, and one that calls them otherwise: served by seeds alone, from the ledger to what is published."""

import csv
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import ConfigError
from orchestration.publish.publisher import publish
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.transform.project import load_manifest
from orchestration.transform.runner import run_dbt
from orchestration.transform.seeds import seed_folder
from tests.integration.lifecycle.conftest import finish
from tests.property.lifecycle.plain_fold import Signal, fold

FIVE_STAGES = PROJECT_ROOT / "examples" / "five_stages" / "seeds"
STAGES = ["lead", "mql", "sql", "opportunity", "account"]
# What the same five may be called elsewhere, and the prefix shows that no model knows a name.
OTHER_NAMES = {stage: f"stufe_{number}" for number, stage in enumerate(STAGES, start=1)}
STAGE_COLUMNS = {"stage", "to_stage", "from_min_stage", "ends_with", "from_stage"}
Entry = tuple[str, str, datetime]


def entries(connection: duckdb.DuckDBPyConnection, stage: str, track: str = "acquisition") -> set[tuple[str, datetime]]:
    return set(
        connection.execute(
            "select person_id, entered_at from marts.fct_lifecycle_transition where stage = ? and track = ?",
            [stage, track],
        ).fetchall()
    )


def dbt(settings: Settings, *arguments: str) -> None:
    outcome = finish(run_dbt(settings, arguments))
    assert outcome.success, outcome.failures


@pytest.fixture(scope="module")
def five(copied_home: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The session's company with five stages: everything that follows from the seeds built, tested and published again."""
    settings = replace(copied_home(tmp_path_factory.mktemp("five") / "home"), own_seeds_dir=FIVE_STAGES)
    seeds = sorted(path.stem for path in FIVE_STAGES.rglob("*.csv"))
    chosen = [f"{seed}+" for seed in seeds]
    dbt(settings, "build", "--select", *chosen, "--exclude-resource-type", "unit_test")
    publish(settings, load_manifest(settings), "five-stages")
    return settings


@pytest.fixture(scope="module")
def ledger(five: Settings) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(five.warehouse_path), read_only=True)


def test_people_stand_in_the_five_stages_and_in_no_other(ledger: duckdb.DuckDBPyConnection) -> None:
    found = ledger.execute("select distinct stage from marts.fct_lifecycle_transition").fetchall()
    assert {stage for (stage,) in found} == set(STAGES)
    labels = ledger.execute(
        "select distinct stage_label from marts.fct_lifecycle_transition where entry_number = 1"
    ).fetchall()
    assert {label for (label,) in labels} == {"Lead-01", "MQL-01", "SQL-01", "Opportunity-01", "Account-01"}


def test_what_sales_took_and_what_was_won_happened_when_it_does_with_nine_stages(
    ledger: duckdb.DuckDBPyConnection, warehouse: duckdb.DuckDBPyConnection
) -> None:
    assert entries(ledger, "account") == entries(warehouse, "customer")
    # sql is here what the nine call opportunity; who buys without a deal passes both
    assert entries(ledger, "sql") | entries(ledger, "opportunity") >= entries(warehouse, "opportunity")


def test_a_deal_that_is_qualified_makes_an_opportunity(ledger: duckdb.DuckDBPyConnection) -> None:
    """Every deal whose first save already has budget, need and process goes to opportunity at once, as plain rows say."""
    first_saves = ledger.execute(
        """
        select opportunity_id, _source_system, created_at, has_budget and has_need and has_process or is_tender_invited
        from raw.crm__opportunities
        qualify row_number() over (partition by opportunity_id, _source_system order by updated_at) = 1
        """
    ).fetchall()
    known = {
        (system, deal): person
        for system, deal, person in ledger.execute(
            "select source_system, opportunity_id, person_id from intermediate.int_lifecycle__opportunity_periods"
        ).fetchall()
    }
    expected = {
        (known[system, deal], created) for deal, system, created, is_qualified in first_saves if is_qualified
    } & {(person, at) for person, at in entries(ledger, "opportunity") | entries(ledger, "sql")}
    assert len(expected) > 10
    assert expected <= entries(ledger, "opportunity")


def test_the_ledger_equals_the_plain_fold(ledger: duckdb.DuckDBPyConnection) -> None:
    """Fold the same signals in plain Python."""
    signals: dict[str, list[Signal]] = {}
    for person, *values in ledger.execute(
        """
        select person_id, occurred_at, kind, signal_phase, target_rank, from_min_rank, source_priority,
            coalesce(record_id, chr(1114111)), signal, from_max_rank
        from intermediate.int_lifecycle__judged_signals where handling = 'acquisition'
        """
    ).fetchall():
        signals.setdefault(person, []).append(Signal(*values))
    expected = {
        (person, row.at, STAGES[row.rank - 1], row.cycle)
        for person, history in signals.items()
        for row in fold(history)
    }
    found = ledger.execute(
        "select person_id, entered_at, stage, cycle_number from marts.fct_lifecycle_transition where track = 'acquisition'"
    ).fetchall()
    assert len(found) == len(expected) > 500
    assert set(found) == expected


def test_every_mart_is_published(five: Settings) -> None:
    with duckdb.connect(str(five.published_dir / "current" / "leadrelay.duckdb"), read_only=True) as published:
        stages = published.execute("select stage from marts.dim_stage order by stage_rank").fetchall()
        assert [stage for (stage,) in stages] == STAGES
        for mart in ("mart_funnel_volume", "mart_funnel_conversion", "mart_stage_velocity", "mart_stage_matrix"):
            (count,) = published.execute(f"select count(*) from marts.{mart}").fetchone()
            assert count > 0, mart


def test_stages_by_other_names_give_the_same_ledger(
    five: Settings, ledger: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    own = tmp_path / "seeds"
    for path in FIVE_STAGES.rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        target = own / path.relative_to(FIVE_STAGES)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(
                {key: OTHER_NAMES.get(value, value) if key in STAGE_COLUMNS else value for key, value in row.items()}
                for row in rows
            )
    question = (
        "select person_id, track, stage, entry_number, entered_at, exited_at, direction, signal from {} order by all"
    )
    expected = [
        (person, track, OTHER_NAMES[stage], *rest)
        for person, track, stage, *rest in ledger.execute(question.format("marts.fct_lifecycle_transition")).fetchall()
    ]
    ledger.close()
    settings = replace(five, own_seeds_dir=own)
    seeds = ("stages", "signals", "statuses", "crm_status_map", "thresholds")
    chosen = [f"{seed}+,+fct_lifecycle_transition" for seed in seeds]
    dbt(settings, "seed", "--select", *seeds, "velocity_spans")
    dbt(settings, "run", "--select", *chosen)
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as renamed:
        assert sorted(expected) == sorted(
            renamed.execute(question.format("marts.fct_lifecycle_transition")).fetchall(),
        )


def test_an_own_seed_that_nothing_reads_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own" / "lifecycle").mkdir(parents=True)
    (tmp_path / "own" / "lifecycle" / "stage.csv").write_text("stage\n")
    settings = Settings(
        home=tmp_path / "home", sources_file=PROJECT_ROOT / "sources.yml", own_seeds_dir=tmp_path / "own"
    )
    with pytest.raises(ConfigError, match=r"has no seed lifecycle/stage.csv.*Did you mean: lifecycle/stages.csv"):
        seed_folder(settings)
    with pytest.raises(ConfigError, match="no such folder"):
        seed_folder(replace(settings, own_seeds_dir=tmp_path / "nowhere"))
