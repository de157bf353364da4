"""Train a model of probable links with Splink: unsupervised, bounded, repeatable.

The method is that of Fellegi and Sunter (1969): bits of evidence per comparison, log2(m / u), where u is how often two strangers agree
(estimated on random pairs) and m how often one person's two profiles do (estimated by expectation maximisation over blocked pairs).
What belongs here: the estimates. What does not: files (`files`), the report (`report`), scoring (dbt).
"""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.errors import LeadrelayError
from orchestration.identity.spec import ComparisonSpec, LevelSpec, TrainingSpec
from orchestration.sql import quote_identifier

NULL_LEVEL = -1
_PROFILES = "profiles"
# Expectation maximisation ends where its numbers stand still, not where a last digit happens to stop it.
_EM_CONVERGENCE = 1e-6
_EM_MAX_ITERATIONS = 200
_PROGRESS = logging.getLogger(__name__)


class TrainingError(LeadrelayError):
    """Splink could not estimate the model; nothing was written."""


@dataclass(frozen=True)
class Term:
    """One frequent value of a profile column and its share of the column's values."""

    column: str
    term: str
    frequency: float


@dataclass(frozen=True)
class TrainedModel:
    """What training found.

    Parameters
    ----------
    spec
        What it was asked for.
    settings
        Splink's own settings with all probabilities: what ``Linker(settings=...)`` takes.
    terms
        Frozen term frequencies, by column and falling frequency.
    term_floors
        Frequency of a term that is not listed, by column.
    profile_count
        Profiles that it was trained on.
    """

    spec: TrainingSpec
    settings: Mapping[str, Any]
    terms: tuple[Term, ...]
    term_floors: Mapping[str, float]
    profile_count: int


def train(connection: duckdb.DuckDBPyConnection, relation: str, spec: TrainingSpec) -> TrainedModel:
    """Estimate a model on one relation of profiles.

    Parameters
    ----------
    connection
        Any DuckDB connection; the profiles are copied out of it, nothing is written.
    relation
        SQL name of the profiles, one row each, with a bigint ``cluster_id``.
    spec
        What to compare and how to estimate.

    Returns
    -------
    TrainedModel
        The same profiles and spec give the same model.

    Raises
    ------
    TrainingError
        If an estimate is impossible, such as a pass that finds no pair at all.
    """
    profiles = connection.execute(f"select * from {relation} order by cluster_id").to_arrow_table()
    if profiles.num_rows < 2:  # noqa: PLR2004 - a pair is two
        raise TrainingError(
            f"{relation} holds {profiles.num_rows} profiles; there is no pair to learn from. Run the night first."
        )
    with _private_database() as database:
        database.register("arrow_profiles", profiles)
        database.execute(f"create table {_PROFILES} as select * from arrow_profiles")
        terms, floors = _frequent_terms(database, spec)
        settings = _estimate(database, spec)
    return TrainedModel(spec, settings, terms, floors, profiles.num_rows)


@contextmanager
def _private_database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as database:
        # One thread: numbers are added up in the same order whatever the machine. Splink's samples follow from a hash of the profile's id.
        database.execute("set threads = 1")
        yield database


def comparison_settings(spec: TrainingSpec) -> list[dict[str, Any]]:
    """Return the comparisons in Splink's own form, before any estimate."""
    return [_comparison(comparison) for comparison in spec.comparisons]


def _comparison(spec: ComparisonSpec) -> dict[str, Any]:
    if spec.library is None:
        levels = [
            {
                "sql_condition": "ELSE" if level.condition.strip().lower() == "else" else level.condition,
                "label_for_charts": level.label,
                "is_null_level": level.is_null,
                **({"tf_adjustment_column": level.term_column} if level.term_column else {}),
            }
            for level in spec.levels
        ]
        return {"output_column_name": spec.name, "comparison_levels": levels}
    import splink.comparison_library as library

    kind = getattr(library, spec.library, None)
    if kind is None:
        raise TrainingError(f"Splink has no comparison {spec.library!r} (comparison {spec.name!r} of training.yml)")
    try:
        settings: dict[str, Any] = kind(**spec.arguments).get_comparison("duckdb").as_dict()
    except (TypeError, ValueError) as error:
        raise TrainingError(f"comparison {spec.name!r}: {spec.library} refuses its arguments: {error}") from error
    settings["output_column_name"] = spec.name
    for level in settings["comparison_levels"]:
        level.pop("tf_adjustment_column", None)
        level.pop("tf_adjustment_weight", None)
        for column in spec.term_columns:
            if level["sql_condition"].replace('"', "") == f"{column}_l = {column}_r":
                level["tf_adjustment_column"] = column
    return settings


def _estimate(database: duckdb.DuckDBPyConnection, spec: TrainingSpec) -> dict[str, Any]:
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    from splink.blocking_rule_library import CustomRule
    from splink.internals.exceptions import SplinkException

    fit = spec.fit
    comparisons: list[Any] = comparison_settings(spec)
    prior: dict[str, Any] = {} if fit.prior is None else {"probability_two_random_records_match": fit.prior}
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="cluster_id",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=[CustomRule(blocking_condition(rule.key)) for rule in spec.blocking],
        linker_uid="leadrelay",
        em_convergence=_EM_CONVERGENCE,
        max_iterations=_EM_MAX_ITERATIONS,
        **prior,
    )
    with _quiet_splink():
        try:
            api = DuckDBAPI(database)
            linker = Linker(api.register(_PROFILES), settings, log_level=None)
            if fit.prior is None:
                linker.training.estimate_probability_two_random_records_match(
                    [block_on(*rule) for rule in fit.prior_rules], recall=fit.prior_recall
                )
            linker.training.estimate_u_using_random_sampling(max_pairs=fit.max_pairs, seed=fit.seed)
            for expressions in fit.passes:
                _PROGRESS.info("estimating over pairs that agree in %s", ", ".join(expressions))
                linker.training.estimate_parameters_using_expectation_maximisation(
                    block_on(*expressions), max_pairs=fit.max_pairs
                )
        except (SplinkException, ValueError, duckdb.Error) as error:
            raise TrainingError(f"the model cannot be estimated; nothing was written. Splink says: {error}") from error
        found: dict[str, Any] = linker.misc.save_model_to_json()
    return _with_all_probabilities(found, spec)


def blocking_condition(key: str) -> str:
    """Return when two profiles share a key, as Splink writes it: over the tables ``l`` and ``r``.

    Parameters
    ----------
    key
        SQL expression over profile columns.
    """
    import sqlglot
    from sqlglot import expressions

    sides = []
    for side in ("l", "r"):
        tree = sqlglot.parse_one(key, read="duckdb")
        for column in tree.find_all(expressions.Column):
            column.set("table", expressions.to_identifier(side))
        sides.append(tree.sql(dialect="duckdb"))
    return f"({sides[0]}) = ({sides[1]})"


def _with_all_probabilities(settings: dict[str, Any], spec: TrainingSpec) -> dict[str, Any]:
    """Give every level both probabilities: the estimate, else what the spec assumes, else equal ones, which prove nothing."""
    floor = spec.fit.probability_floor
    for comparison_spec, comparison in zip(spec.comparisons, settings["comparisons"], strict=True):
        assumed: Sequence[LevelSpec | None] = comparison_spec.levels or [None] * len(comparison["comparison_levels"])
        for level_spec, level in zip(assumed, comparison["comparison_levels"], strict=True):
            if level.get("is_null_level"):
                continue
            m, u = level.get("m_probability"), level.get("u_probability")
            m = m if m is not None or level_spec is None else level_spec.m_unseen
            u = u if u is not None or level_spec is None else level_spec.u_unseen
            if level_spec is not None and level_spec.m_at_least is not None:
                m = max(m or 0.0, level_spec.m_at_least)
            either = u if m is None else m
            level["m_probability"] = _rounded(m if m is not None else either, floor)
            level["u_probability"] = _rounded(u if u is not None else either, floor)
    prior = "probability_two_random_records_match"
    settings[prior] = _rounded(settings[prior], 0.0)
    return settings


def _rounded(probability: float | None, floor: float) -> float:
    """Return five digits, since no pair is decided by more and sums differ in their last ones from machine to machine; never below the floor."""
    return max(float(f"{probability or 0.0:.5g}"), floor)


def term_columns(spec: TrainingSpec) -> list[str]:
    """Return the profile columns whose term frequencies the model uses, in alphabetical order."""
    found = {
        level.get("tf_adjustment_column")
        for comparison in comparison_settings(spec)
        for level in comparison["comparison_levels"]
    }
    return sorted(column for column in found if column)


def _frequent_terms(
    database: duckdb.DuckDBPyConnection, spec: TrainingSpec
) -> tuple[tuple[Term, ...], dict[str, float]]:
    terms: list[Term] = []
    floors: dict[str, float] = {}
    for column in term_columns(spec):
        name = quote_identifier(column)
        rows = database.execute(
            f"""
            select {name}, count(*) * 1.0 / sum(count(*)) over ()
            from {_PROFILES} where {name} is not null
            group by {name} qualify count(*) >= ? order by count(*) desc, {name} limit ?
            """,
            [spec.terms.min_count, spec.terms.max_terms],
        ).fetchall()
        (total,) = database.execute(f"select count({name}) from {_PROFILES}").fetchone() or (0,)
        terms += [Term(column, term, frequency) for term, frequency in rows]
        floors[column] = rows[-1][1] if rows else 1.0 / max(total, 1)
    return tuple(terms), floors


@contextmanager
def _quiet_splink() -> Iterator[None]:
    """Hold back Splink's progress, which it prints through its own logger."""
    logger = logging.getLogger("splink")
    before, logger.disabled = logger.level, False
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def prior_weight(settings: Mapping[str, Any]) -> float:
    """Return the bits against two random profiles being one person."""
    prior = float(settings["probability_two_random_records_match"])
    return math.log2(prior / (1 - prior))
