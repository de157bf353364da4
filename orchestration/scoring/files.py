"""Trained weights as the seed that the warehouse scores with."""

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from orchestration.errors import ConfigError
from orchestration.scoring.prediction import Model

_COLUMNS = ("outcome", "model_version", "trained_until", "term", "mean", "scale", "weight")
_CONSTANTS = ("intercept", "calibration_slope", "calibration_intercept")


def model_version(model: Model) -> str:
    """Return a code of every number that scores; two models with one version score everybody alike."""
    numbers = [
        *(repr(float(number)) for column in (model.mean, model.scale, model.weight) for number in column),
        *(repr(getattr(model, name)) for name in _CONSTANTS),
    ]
    return hashlib.sha256("|".join([model.outcome, *model.features, *numbers]).encode()).hexdigest()[:10]


def write_models(models: Sequence[Model], path: Path) -> None:
    """Write the models to ``path``; what stood there is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for model in models:
            head = [model.outcome, model_version(model), str(model.trained_until).replace("T", " ")]
            numbers = zip(model.features, model.mean, model.scale, model.weight, strict=True)
            writer.writerows([*head, term, *(repr(float(number)) for number in rest)] for term, *rest in numbers)
            writer.writerows([*head, name, "0", "1", repr(getattr(model, name))] for name in _CONSTANTS)


def read_models(path: Path) -> dict[str, Model]:
    """Read the models of ``path``.

    Parameters
    ----------
    path
        What `write_models` wrote.

    Returns
    -------
    dict
        Model by outcome; empty when the file has no rows.

    Raises
    ------
    ConfigError
        If the file cannot be read as a model.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {
            outcome: _model_of(outcome, [row for row in rows if row["outcome"] == outcome])
            for outcome in dict.fromkeys(row["outcome"] for row in rows)
        }
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(
            f"{path} is no trained model ({','.join(_COLUMNS)}): {error!r}. Train one: leadrelay score train"
        ) from error


def _model_of(outcome: str, rows: list[dict[str, str]]) -> Model:
    constants = {row["term"]: float(row["weight"]) for row in rows if row["term"] in _CONSTANTS}
    terms = [row for row in rows if row["term"] not in _CONSTANTS]
    return Model(
        outcome,
        tuple(row["term"] for row in terms),
        np.array([float(row["mean"]) for row in terms]),
        np.array([float(row["scale"]) for row in terms]),
        np.array([float(row["weight"]) for row in terms]),
        constants["intercept"],
        constants["calibration_slope"],
        constants["calibration_intercept"],
        np.datetime64(rows[0]["trained_until"].replace(" ", "T"), "s"),
    )
