"""A trained model as files: Splink's JSON for people and Splink, and three seeds for dbt.

The seeds hold the same numbers as the JSON, worked out: one row per comparison level, per blocking rule and per frequent term. They
are written by this module alone; what a person decides stands beside them, in ``training.yml`` and ``link_thresholds.csv``.
"""

import csv
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestration.errors import ConfigError
from orchestration.identity.training import NULL_LEVEL, TrainedModel, prior_weight

MODEL_FILE = "link_model.json"
LEVELS_FILE = "link_levels.csv"
BLOCKING_FILE = "link_blocking_rules.csv"
TERMS_FILE = "link_term_frequencies.csv"
THRESHOLDS_FILE = "link_thresholds.csv"
# Splink's smallest weight keeps a probability of zero finite; training's floor is above it.
_PROBABILITY_CLAMP = 1e-100
_LEVEL_COLUMNS = (
    "comparison_number", "comparison", "evidence", "level_number", "level", "label", "sql_condition", "input_columns",
    "m_probability", "u_probability", "match_weight", "term_column", "term_weight", "term_base_weight", "term_minimum",
    "term_floor", "model_version",
)  # fmt: skip


def model_version(model: TrainedModel) -> str:
    """Return the model's version: its name, and a code of every number that scores.

    Two models with the same version score every pair alike.
    """
    content = json.dumps(
        {
            "settings": model.settings,
            "terms": [[term.column, term.term, repr(term.frequency)] for term in model.terms],
            "floors": model.term_floors,
            "blocking": [rule.key for rule in model.spec.blocking],
        },
        sort_keys=True,
    )
    return f"{model.spec.name}-{hashlib.sha256(content.encode()).hexdigest()[:10]}"


def write_model(model: TrainedModel, folder: Path) -> str:
    """Write the model's JSON and seeds.

    Parameters
    ----------
    model
        What training found.
    folder
        Made if need be; files of these names in it are replaced.

    Returns
    -------
    str
        The model's version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    version = model_version(model)
    content = {
        "model_version": version,
        "trained_on_profiles": model.profile_count,
        "term_floors": dict(model.term_floors),
        "splink": model.settings,
    }
    (folder / MODEL_FILE).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _write_csv(folder / LEVELS_FILE, _LEVEL_COLUMNS, level_rows(model, version))
    _write_csv(
        folder / BLOCKING_FILE,
        ("rule_number", "rule_name", "key_expression", "reason"),
        (
            {"rule_number": number, "rule_name": rule.name, "key_expression": rule.key, "reason": rule.because}
            for number, rule in enumerate(model.spec.blocking, start=1)
        ),
    )
    _write_csv(
        folder / TERMS_FILE,
        ("column_name", "term", "frequency"),
        ({"column_name": term.column, "term": term.term, "frequency": term.frequency} for term in model.terms),
    )
    return version


def read_settings(folder: Path) -> dict[str, Any]:
    """Return Splink's settings of a written model.

    Raises
    ------
    ConfigError
        If the folder holds no model.
    """
    path = folder / MODEL_FILE
    try:
        settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["splink"]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{path} is no trained model; write one with: leadrelay identity train") from error
    return settings


def level_rows(model: TrainedModel, version: str) -> list[dict[str, Any]]:
    """Return the rows of ``link_levels.csv``: the prior, then every level of every comparison in order."""
    rows: list[dict[str, Any]] = [
        {
            "comparison_number": 0,
            "comparison": "prior",
            "evidence": "prior",
            "level_number": 1,
            "level": 0,
            "label": "two random profiles",
            "sql_condition": "else",
            "match_weight": prior_weight(model.settings),
            "model_version": version,
        }
    ]
    for number, (spec, comparison) in enumerate(
        zip(model.spec.comparisons, model.settings["comparisons"], strict=True), start=1
    ):
        name = comparison["output_column_name"]
        for position, (level, value) in enumerate(numbered_levels(comparison), start=1):
            rows.append(
                {
                    "comparison_number": number,
                    "comparison": name,
                    "evidence": (spec.levels[position - 1].evidence if spec.levels else None) or spec.evidence,
                    "level_number": position,
                    "level": value,
                    "label": level.get("label_for_charts", ""),
                    "sql_condition": " ".join(level["sql_condition"].split()),
                    "input_columns": " ".join(_input_columns([level["sql_condition"]])),
                    "match_weight": match_weight(level),
                    "model_version": version,
                    **_probabilities(level),
                    **_term_adjustment(level, comparison, model.term_floors),
                }
            )
    return rows


def numbered_levels(comparison: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], int]]:
    """Return a comparison's levels with Splink's numbers: -1 for the null level, then falling to 0."""
    levels: Sequence[Mapping[str, Any]] = comparison["comparison_levels"]
    value = sum(1 for level in levels if not level.get("is_null_level"))
    numbered = []
    for level in levels:
        if level.get("is_null_level"):
            numbered.append((level, NULL_LEVEL))
        else:
            value -= 1
            numbered.append((level, value))
    return numbered


def match_weight(level: Mapping[str, Any]) -> float:
    """Return a level's bits of evidence, log2(m / u); 0 where a side says nothing."""
    if level.get("is_null_level"):
        return 0.0
    m, u = (max(float(level[key]), _PROBABILITY_CLAMP) for key in ("m_probability", "u_probability"))
    return math.log2(m / u)


def _probabilities(level: Mapping[str, Any]) -> dict[str, float]:
    return {key: level[key] for key in ("m_probability", "u_probability") if key in level}


def _term_adjustment(
    level: Mapping[str, Any], comparison: Mapping[str, Any], floors: Mapping[str, float]
) -> dict[str, Any]:
    column = level.get("tf_adjustment_column")
    if not column:
        return {}
    return {
        "term_column": column,
        "term_weight": float(level.get("tf_adjustment_weight", 1.0)),
        "term_base_weight": math.log2(_exact_match_probability(comparison, column)),
        "term_minimum": float(level.get("tf_minimum_u_value", 0.0)),
        "term_floor": floors[column],
    }


def _exact_match_probability(comparison: Mapping[str, Any], column: str) -> float:
    """Return how often strangers agree exactly in a column: u of the level that asks for just that."""
    for level in comparison["comparison_levels"]:
        plain = re.sub(r'["\s()]', "", level["sql_condition"]).lower()
        if plain in {f"{column}_l={column}_r", f"{column}_r={column}_l"}:
            return float(level["u_probability"])
    raise ConfigError(
        f"comparison {comparison['output_column_name']!r} weighs the terms of {column!r} and has no level "
        f"{column}_l = {column}_r, which says how common a shared term is"
    )


def _input_columns(conditions: Iterable[str]) -> list[str]:
    found: set[str] = set()
    for condition in conditions:
        bare = re.sub(r"'[^']*'", "", condition)
        found |= set(re.findall(r"\b([a-z][a-z0-9_]*)_[lr]\b", bare))
    return sorted(found)


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a seed; texts are quoted, or DuckDB takes the quotes of an SQL text for the file's own."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
