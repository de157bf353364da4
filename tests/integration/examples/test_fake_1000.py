"""Splink's fake_1000 by configuration alone: landing, exact links, profiles, scores, and the truth that none of them saw.

The data are not part of the project. FAKE_1000_DIR names their folder; without it, a folder `shared/data/splink` beside the checkout is
tried.
"""

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.identity.evaluation import Judgement, judge_all, read_labels
from orchestration.identity.files import read_settings
from orchestration.identity.spec import load_spec
from orchestration.identity.training import train
from orchestration.ingest import warehouse
from orchestration.ingest.contract import load_contract
from orchestration.ingest.loader import load_table
from orchestration.ingest.sources import load_sources
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.transform.runner import run_dbt

FAKE_1000_DIR = Path(os.environ.get("FAKE_1000_DIR") or PROJECT_ROOT.parent / "shared" / "data" / "splink")
EXAMPLE = PROJECT_ROOT / "examples" / "fake_1000"
BUNDLED = PROJECT_ROOT / "orchestration" / "identity" / "link_model"

pytestmark = pytest.mark.skipif(
    not (FAKE_1000_DIR / "fake_1000.csv").exists(),
    reason="fake_1000.csv is not here; set FAKE_1000_DIR to the folder that holds it",
)


def dbt(settings: Settings, arguments: Sequence[str]) -> None:
    run = run_dbt(settings, arguments)
    outcome = None
    while outcome is None:
        try:
            next(run)
        except StopIteration as stopped:
            outcome = stopped.value
    assert outcome.success, (outcome.failures, outcome.message)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory):
    """A connection to the warehouse after loading and scoring, with the truth as the temporary table `truth`."""
    home = tmp_path_factory.mktemp("fake_1000")
    settings = Settings(home=home, sources_file=EXAMPLE / "sources.yml", own_link_model_dir=EXAMPLE / "link_model")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKE_1000_DIR", str(FAKE_1000_DIR))
        sources = load_sources(settings.sources_file, load_contract(settings.models_dir))
        with warehouse.connect(settings) as connection:
            warehouse.prepare(connection)
            for entry in sources.tables.values():
                result = load_table(connection, settings, entry.table, entry.feeds, run_id="test")
                assert not result.is_refused, result.message
            warehouse.write_as_of(connection, None)
    dbt(settings, ["seed"])
    dbt(
        settings,
        [
            *("run", "--select", "+int_identity__probable_links", "+int_identity__record_persons"),
            "+int_identity__link_training_profiles",
        ],
    )
    truth = home / "truth.csv"
    with (FAKE_1000_DIR / "fake_1000.csv").open(encoding="utf-8", newline="") as file, truth.open("w") as out:
        out.write("record_key,true_person\n")
        out.writelines(f"{row['unique_id']},{row['cluster']}\n" for row in csv.DictReader(file))
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        assert read_labels(connection, truth) == "truth"
        yield connection


def judged(connection: duckdb.DuckDBPyConnection, thresholds: Path) -> dict[str, Judgement]:
    with thresholds.open(encoding="utf-8", newline="") as file:
        rules = {row["threshold"]: float(row["value"]) for row in csv.DictReader(file)}
    return {judgement.name: judgement for judgement in judge_all(connection, rules)}


def test_its_own_threshold_reaches_the_anchor(scored: duckdb.DuckDBPyConnection) -> None:
    # Splink on the bare records, every pair compared: cluster F1 .9585, B-cubed .9689
    judgements = judged(scored, EXAMPLE / "link_model" / "link_thresholds.csv")
    for found in (judgements["by the thresholds"], judgements["persons as they are"]):
        assert found.f1 >= 0.95, found
        assert found.b3_f1 >= 0.96, found


def test_the_products_thresholds_join_nobody_wrongly(scored: duckdb.DuckDBPyConnection) -> None:
    judgements = judged(scored, BUNDLED / "link_thresholds.csv")
    found, exact = judgements["by the thresholds"], judgements["exact links alone"]
    assert found.precision >= 0.999
    # more than twice what exact addresses find; the rest waits for review
    assert found.recall >= 0.6 > 2 * exact.recall
    (band,) = scored.execute(
        "select count(*) from intermediate.int_identity__link_scores where match_probability between 0.5 and 0.99"
    ).fetchone()
    assert 200 <= band <= 400


def test_its_model_is_what_training_finds(scored: duckdb.DuckDBPyConnection) -> None:
    spec = load_spec(EXAMPLE / "link_model" / "training.yml")
    found = weights_of(train(scored, "intermediate.int_identity__link_training_profiles", spec).settings)
    kept = weights_of(read_settings(EXAMPLE / "link_model"))
    # processors add up in their own order: the last digits of an estimate are theirs
    assert found == pytest.approx(kept, rel=1e-3)


def weights_of(settings: Mapping[str, Any]) -> dict[tuple[str, str, str], float]:
    """Every probability of a model, by comparison, level and kind."""
    return {
        (comparison["output_column_name"], level["label_for_charts"], kind): level[kind]
        for comparison in settings["comparisons"]
        for level in comparison["comparison_levels"]
        for kind in ("m_probability", "u_probability")
        if not level.get("is_null_level")
    }
