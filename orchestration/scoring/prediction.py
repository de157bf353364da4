"""A calibrated logistic model on what was known at the moment of each score: training, and judging it on a later window.

What belongs here: splitting by time, estimates, figures. What does not: features (SQL), files (`files`), printing (`commands`).
Logistic regression, because its weights can be read, scored in SQL and told to people as reasons; calibrated by a logistic curve on
predictions for people that the model had not seen (Platt, 1999).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from orchestration.errors import ConfigError, LeadrelayError

if TYPE_CHECKING:
    import duckdb

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Moments = npt.NDArray[np.datetime64]

MINIMUM_POSITIVES = 10
"""Below ten outcomes the weights of nine features rest on about one case each."""

_FOLDS = 5
_EVALUATED_SHARE = 1 / 3
_BINS = 5
_DRAWS = 200


class TooLittleToLearnError(LeadrelayError):
    """The history holds too few outcomes for a model."""


@dataclass(frozen=True)
class Cases:
    """People at the beginning of months, whose outcome is known by now.

    Parameters
    ----------
    outcome
        What is predicted.
    horizon_days
        Days within which it had to come.
    features
        Names, k of them.
    values
        n x k, as known at the moment of each case.
    is_positive
        n, whether the outcome came.
    scored_at
        n, moments (UTC).
    person_id
        n, whose case it is; a person has one per month.
    rule_score
        n, the rules' total score at that moment.
    """

    outcome: str
    horizon_days: float
    features: tuple[str, ...]
    values: Floats
    is_positive: Bools
    scored_at: Moments
    person_id: npt.NDArray[np.object_]
    rule_score: Floats

    def where(self, chosen: Bools) -> "Cases":
        """Return the cases that ``chosen`` (n booleans) marks."""
        return Cases(
            self.outcome,
            self.horizon_days,
            self.features,
            self.values[chosen],
            self.is_positive[chosen],
            self.scored_at[chosen],
            self.person_id[chosen],
            self.rule_score[chosen],
        )

    @property
    def horizon(self) -> np.timedelta64:
        """The horizon as a span of time."""
        return np.timedelta64(round(self.horizon_days * 86_400), "s")


@dataclass(frozen=True)
class Model:
    """Weights of one outcome.

    Parameters
    ----------
    outcome
        What it predicts.
    features
        Names, k of them.
    mean, scale, weight
        k each: log-odds are ``intercept + sum(weight * (value - mean) / scale)``.
    intercept
        See above.
    calibration_slope, calibration_intercept
        The probability is ``1 / (1 + exp(-(calibration_intercept + calibration_slope * log-odds)))``.
    trained_until
        Last moment whose cases were learnt from.
    """

    outcome: str
    features: tuple[str, ...]
    mean: Floats
    scale: Floats
    weight: Floats
    intercept: float
    calibration_slope: float
    calibration_intercept: float
    trained_until: np.datetime64

    def probability(self, values: Floats) -> Floats:
        """Return n calibrated probabilities of n x k ``values``."""
        log_odds = self.intercept + ((values - self.mean) / self.scale) @ self.weight
        return np.asarray(1 / (1 + np.exp(-(self.calibration_intercept + self.calibration_slope * log_odds))))


@dataclass(frozen=True)
class Bin:
    """Cases of like probability: what was said and what came."""

    count: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class Judgement:
    """How well a model did on cases that lie after everything that it had learnt.

    Parameters
    ----------
    count, positives
        Cases and outcomes.
    first, last
        Moments of the window.
    auc, auc_low, auc_high
        Chance that a case with the outcome is ranked above one without, and its 95 % interval over draws of persons.
    rules_auc
        The same for the rules' total score on the same cases.
    brier, base_brier
        Mean squared error of the probability, and that of always saying the window's own rate.
    bins
        Calibration, by rising probability.
    """

    outcome: str
    count: int
    positives: int
    first: np.datetime64
    last: np.datetime64
    auc: float
    auc_low: float
    auc_high: float
    rules_auc: float
    brier: float
    base_brier: float
    bins: tuple[Bin, ...]


def read_cases(connection: "duckdb.DuckDBPyConnection", outcome: str) -> Cases:
    """Read the cases of ``outcome`` whose horizon is over.

    Parameters
    ----------
    connection
        The warehouse.
    outcome
        A word of `seeds/scoring/backtest_outcomes.csv`.

    Returns
    -------
    Cases
        In the order of moment and person.

    Raises
    ------
    ConfigError
        If the outcome is unknown, or the night was run without features.
    """
    horizon = connection.execute(
        "select horizon_days from seeds.backtest_outcomes where outcome = ?", [outcome]
    ).fetchone()
    if horizon is None:
        known = ", ".join(
            row[0] for row in connection.execute("select outcome from seeds.backtest_outcomes order by 1").fetchall()
        )
        raise ConfigError(f"there is no outcome {outcome!r}; seeds/scoring/backtest_outcomes.csv has {known}")
    features = tuple(
        row[0] for row in connection.execute("select feature from seeds.prediction_features order by 1").fetchall()
    )
    columns = ", ".join(
        f"max(case when features.feature = '{feature.replace(chr(39), chr(39) * 2)}' then features.value end)"
        for feature in features
    )
    rows = connection.execute(
        f"""
        select cases.scored_at, cases.person_id, cases.is_positive, any_value(scores.total_score), {columns}
        from intermediate.int_scoring__backtest_cases as cases
        join intermediate.int_scoring__backtest_scores as scores using (scored_at, person_id)
        join intermediate.int_scoring__prediction_features as features using (scored_at, person_id)
        where cases.outcome = ? and cases.is_mature
        group by cases.scored_at, cases.person_id, cases.is_positive
        order by cases.scored_at, cases.person_id
        """,
        [outcome],
    ).fetchall()
    if not rows:
        raise ConfigError(
            "the warehouse holds no features to learn from; set score_prediction: true in dbt_project/dbt_project.yml and run the night:"
            " leadrelay run"
        )
    return Cases(
        outcome,
        float(horizon[0]),
        features,
        np.array([row[4:] for row in rows], dtype=np.float64),
        np.array([row[2] for row in rows], dtype=np.bool_),
        np.array([row[0] for row in rows], dtype="datetime64[s]"),
        np.array([row[1] for row in rows], dtype=object),
        np.array([row[3] for row in rows], dtype=np.float64),
    )


def split_by_time(cases: Cases) -> tuple[Cases, Cases]:
    """Part the cases in time: what a model may learn from, and the later third of the months to judge it by.

    Parameters
    ----------
    cases
        All cases of an outcome.

    Returns
    -------
    tuple of Cases
        The outcome of every case of the first part was known when the second part begins.
    """
    moments = np.unique(cases.scored_at)
    begins = moments[len(moments) - max(1, round(len(moments) * _EVALUATED_SHARE))]
    return cases.where(cases.scored_at + cases.horizon <= begins), cases.where(cases.scored_at >= begins)


def train(cases: Cases) -> Model:
    """Learn the weights and their calibration.

    Parameters
    ----------
    cases
        What was known, and what became of it.

    Returns
    -------
    Model
        The same cases give the same model.

    Raises
    ------
    TooLittleToLearnError
        If fewer than `MINIMUM_POSITIVES` people have the outcome, or all have.
    """
    positives = len(set(cases.person_id[cases.is_positive]))
    others = len(set(cases.person_id[~cases.is_positive]))
    if min(positives, others) < MINIMUM_POSITIVES:
        raise TooLittleToLearnError(
            f"{cases.outcome}: {positives} people had the outcome and {others} did not among the {len(cases.is_positive):,} cases to learn from;"
            f" a model needs {MINIMUM_POSITIVES} of each. Nothing was written. More history, or a shorter horizon in"
            " seeds/scoring/backtest_outcomes.csv, gives more."
        )
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    mean = cases.values.mean(axis=0)
    spread = cases.values.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    standard = (cases.values - mean) / scale
    learner = LogisticRegression(max_iter=1_000)
    unseen = cross_val_predict(
        learner,
        standard,
        cases.is_positive,
        groups=cases.person_id,
        cv=GroupKFold(_FOLDS),
        method="decision_function",
    )
    calibration = LogisticRegression(C=np.inf, max_iter=1_000).fit(unseen.reshape(-1, 1), cases.is_positive)
    learner.fit(standard, cases.is_positive)
    return Model(
        cases.outcome,
        cases.features,
        mean,
        scale,
        learner.coef_[0],
        float(learner.intercept_[0]),
        float(calibration.coef_[0, 0]),
        float(calibration.intercept_[0]),
        cases.scored_at.max(),
    )


def later_cases(model: Model, cases: Cases) -> Cases:
    """Return the cases that begin when every outcome that the model learnt from was known.

    Raises
    ------
    TooLittleToLearnError
        If there are none, or none with or without the outcome.
    """
    later = cases.where(cases.scored_at >= model.trained_until + cases.horizon)
    if not 0 < later.is_positive.sum() < len(later.is_positive):
        raise TooLittleToLearnError(
            f"{cases.outcome}: {int(later.is_positive.sum())} of {len(later.is_positive):,} cases after the model's time had the outcome;"
            " a judgement needs some with it and some without. More history gives more."
        )
    return later


def judge(model: Model, cases: Cases) -> Judgement:
    """Judge ``model`` by ``cases`` that it has not learnt from.

    Parameters
    ----------
    model
        From `train`.
    cases
        From `later_cases`.

    Returns
    -------
    Judgement
        The same input gives the same figures.
    """
    from sklearn.metrics import brier_score_loss, roc_auc_score

    said = model.probability(cases.values)
    rate = cases.is_positive.mean()
    low, high = _auc_interval(said, cases)
    order = np.argsort(said, kind="stable")
    bins = tuple(
        Bin(len(part), float(said[part].mean()), float(cases.is_positive[part].mean()))
        for part in np.array_split(order, _BINS)
        if len(part)
    )
    return Judgement(
        cases.outcome,
        len(said),
        int(cases.is_positive.sum()),
        cases.scored_at.min(),
        cases.scored_at.max(),
        float(roc_auc_score(cases.is_positive, said)),
        low,
        high,
        float(roc_auc_score(cases.is_positive, cases.rule_score)),
        float(brier_score_loss(cases.is_positive, said)),
        float(rate * (1 - rate)),
        bins,
    )


def _auc_interval(said: Floats, cases: Cases) -> tuple[float, float]:
    """Draw persons, not cases: the months of one person are not independent."""
    from sklearn.metrics import roc_auc_score

    dice = np.random.default_rng(20260101)
    persons, index = np.unique(cases.person_id.astype(str), return_inverse=True)
    found = []
    for _ in range(_DRAWS):
        weight = np.bincount(dice.integers(0, len(persons), len(persons)), minlength=len(persons))[index]
        drawn = weight > 0
        if 0 < cases.is_positive[drawn].sum() < drawn.sum():
            found.append(roc_auc_score(cases.is_positive[drawn], said[drawn], sample_weight=weight[drawn]))
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))
