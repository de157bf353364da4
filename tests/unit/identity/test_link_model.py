"""What training writes: the spec's checks, the levels' numbers and weights, and the bundled model itself."""

import csv
import math

import pytest

from orchestration.errors import ConfigError
from orchestration.identity.files import LEVELS_FILE, level_rows, model_version, read_settings, write_model
from orchestration.identity.report import write_report
from orchestration.identity.spec import TrainingSpec, load_spec
from orchestration.identity.training import Term, TrainedModel, blocking_condition, comparison_settings
from orchestration.settings import PROJECT_ROOT

BUNDLED = PROJECT_ROOT / "orchestration" / "identity" / "link_model"
SPEC = {
    "name": "tiny",
    "comparisons": [
        {
            "name": "city",
            "evidence": "context",
            "levels": [
                {"label": "nothing said", "condition": "city_l is null or city_r is null", "is_null": True},
                {"label": "same", "condition": "city_l = city_r", "term_column": "city"},
                {"label": "a 'slip'", "condition": "levenshtein(city_l, city_r) <= 1", "evidence": "contact"},
                {"label": "other", "condition": "else"},
            ],
        }
    ],
    "blocking": [{"name": "all", "key": "'all'"}],
    "fit": {"prior": 0.001, "passes": [["city"]]},
}


def tiny_model() -> TrainedModel:
    spec = TrainingSpec.model_validate(SPEC)
    comparisons = comparison_settings(spec)
    for level, m, u in zip(comparisons[0]["comparison_levels"][1:], (0.7, 0.2, 0.1), (0.05, 0.05, 0.9), strict=True):
        level["m_probability"], level["u_probability"] = m, u
    settings = {"probability_two_random_records_match": 0.001, "comparisons": comparisons}
    return TrainedModel(spec, settings, (Term("city", "london", 0.2),), {"city": 0.01}, 10)


def test_levels_count_down_from_the_most_alike_and_weigh_log2_of_m_over_u():
    prior, *levels = level_rows(tiny_model(), "v")
    assert prior["match_weight"] == pytest.approx(math.log2(0.001 / 0.999))
    assert [level["level"] for level in levels] == [-1, 2, 1, 0]
    assert [level["match_weight"] for level in levels] == pytest.approx([0, math.log2(14), 2, math.log2(1 / 9)])
    assert [level["evidence"] for level in levels] == ["context", "context", "contact", "context"]
    assert levels[1]["term_base_weight"] == pytest.approx(math.log2(0.05))
    assert levels[1]["term_floor"] == 0.01
    assert levels[2]["input_columns"] == "city"


def test_a_written_model_can_be_read_again(tmp_path):
    version = write_model(tiny_model(), tmp_path)
    write_report(tiny_model(), version, tmp_path)
    with (tmp_path / LEVELS_FILE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[3]["label"] == "a 'slip'"
    assert {row["model_version"] for row in rows} == {version}
    assert read_settings(tmp_path)["probability_two_random_records_match"] == 0.001
    assert "<svg" in (tmp_path / "training_report.html").read_text(encoding="utf-8")


def test_the_version_follows_every_number():
    model = tiny_model()
    other = TrainedModel(model.spec, model.settings, (Term("city", "london", 0.3),), model.term_floors, 10)
    assert model_version(model) == model_version(tiny_model()) != model_version(other)


def test_a_key_becomes_a_condition_on_both_sides():
    assert (
        blocking_condition("name || '|' || left(city, 1)")
        == "(l.name || '|' || LEFT(l.city, 1)) = (r.name || '|' || LEFT(r.city, 1))"
    )


def test_a_folder_without_a_model_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigError, match="leadrelay identity train"):
        read_settings(tmp_path)


def test_a_wrong_word_in_the_spec_is_named(tmp_path):
    path = tmp_path / "training.yml"
    path.write_text("name: x\ncomparisons: []\nblocking: []\nfit: {passes: [], prior: 0.1, pror: 1}\n")
    with pytest.raises(ConfigError, match=r"fit\.pror"):
        load_spec(path)


def test_the_bundled_model_is_whole_and_follows_its_spec():
    spec = load_spec(BUNDLED / "training.yml")
    with (BUNDLED / LEVELS_FILE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [comparison.name for comparison in spec.comparisons] == list(
        dict.fromkeys(row["comparison"] for row in rows if row["comparison"] != "prior")
    )
    for row in rows:
        if row["m_probability"]:
            weight = math.log2(float(row["m_probability"]) / float(row["u_probability"]))
            assert float(row["match_weight"]) == pytest.approx(weight, abs=1e-9)
