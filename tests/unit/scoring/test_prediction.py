"""A model learns what is there, says probabilities that hold, and never sees what came later."""

from dataclasses import replace

import numpy as np
import pytest

from orchestration.errors import ConfigError
from orchestration.scoring.files import model_version, read_models, write_models
from orchestration.scoring.prediction import (
    Cases,
    TooLittleToLearnError,
    judge,
    later_cases,
    split_by_time,
    train,
)

MONTHS = np.array([f"2025-{month:02d}-01" for month in range(1, 13)], dtype="datetime64[s]")


def cases_of(weights: list[float], intercept: float, persons: int = 300) -> Cases:
    """Every person once a month; the outcome follows the logistic curve of the given weights, the third feature says nothing."""
    dice = np.random.default_rng(5)
    values = dice.normal([3.0, 10.0, -1.0], [1.0, 4.0, 2.0], (persons * len(MONTHS), 3))
    log_odds = intercept + ((values - [3.0, 10.0, -1.0]) / [1.0, 4.0, 2.0]) @ np.array(weights)
    return Cases(
        "won",
        60.0,
        ("a", "b", "c"),
        values,
        dice.random(len(values)) < 1 / (1 + np.exp(-log_odds)),
        np.repeat(MONTHS, persons),
        np.tile(np.array([f"p{number:04d}" for number in range(persons)], dtype=object), len(MONTHS)),
        values[:, 0],
    )


@pytest.fixture(scope="module")
def cases() -> Cases:
    return cases_of([1.2, -0.8, 0.0], intercept=-2.0)


@pytest.fixture(scope="module")
def model(cases):
    return train(split_by_time(cases)[0])


def test_what_is_learnt_from_was_over_before_the_judged_months_begin(cases):
    before, after = split_by_time(cases)
    assert before.scored_at.max() + cases.horizon <= after.scored_at.min()
    assert set(after.scored_at) == set(MONTHS[-4:])


def test_the_weights_are_those_of_the_world(model):
    assert model.weight == pytest.approx([1.2, -0.8, 0.0], abs=0.15)


def test_probabilities_hold_on_later_months(model, cases):
    found = judge(model, later_cases(model, cases))
    assert found.first >= model.trained_until + cases.horizon
    assert found.auc > found.rules_auc > 0.5
    assert found.auc_low < found.auc < found.auc_high
    assert found.brier < found.base_brier
    assert sum(part.count for part in found.bins) == found.count
    for part in found.bins:
        assert part.observed == pytest.approx(part.predicted, abs=0.08)


def test_the_auc_is_the_share_of_pairs_in_the_right_order(model, cases):
    later = later_cases(model, cases)
    said = model.probability(later.values)
    with_it, without = said[later.is_positive][:, None], said[~later.is_positive][None, :]
    expected = (with_it > without).mean() + (with_it == without).mean() / 2
    assert judge(model, later).auc == pytest.approx(expected, abs=1e-12)


def test_what_comes_after_the_time_of_the_model_changes_nothing(model, cases):
    split = split_by_time(cases)[0].scored_at.max()
    changed = replace(
        cases,
        values=np.where((cases.scored_at > split)[:, None], 1e6, cases.values),
        is_positive=np.where(cases.scored_at > split, ~cases.is_positive, cases.is_positive),
    )
    assert model_version(train(split_by_time(changed)[0])) == model_version(model)


def test_a_feature_that_never_varies_is_left_alone(cases):
    flat = replace(cases, values=np.where([False, False, True], 7.0, cases.values))
    model = train(flat)
    assert model.scale[2] == 1.0
    assert model.weight[2] == pytest.approx(0.0, abs=1e-9)


def test_too_few_outcomes_are_refused_with_the_numbers(cases):
    few = replace(cases, is_positive=cases.person_id == "p0001")
    with pytest.raises(TooLittleToLearnError, match=r"1 people had the outcome.*Nothing was written"):
        train(few)


def test_a_model_that_has_no_later_cases_is_not_judged(model, cases):
    with pytest.raises(TooLittleToLearnError, match="after the model's time"):
        later_cases(replace(model, trained_until=MONTHS[-1]), cases)


def test_a_model_reads_as_it_was_written(model, cases, tmp_path):
    path = tmp_path / "made" / "score_model.csv"
    write_models([model], path)
    (found,) = read_models(path).values()
    assert model_version(found) == model_version(model)
    assert found.trained_until == model.trained_until
    assert np.array_equal(found.probability(cases.values), model.probability(cases.values))


def test_a_file_that_is_no_model_is_named(tmp_path):
    path = tmp_path / "score_model.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"score_model.csv is no trained model"):
        read_models(path)
