"""``leadrelay score train|evaluate``: what these commands do and print.

What belongs here: arguments, opening the warehouse, the screen. What does not: estimates and figures (`prediction`), the file (`files`).
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.commands import Printing
from orchestration.errors import ConfigError
from orchestration.ingest.warehouse import read_warehouse
from orchestration.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from orchestration.scoring.prediction import Judgement


def add_score_commands(actions: "argparse._SubParsersAction[argparse.ArgumentParser]", printing: Printing) -> None:
    """Add ``train`` and ``evaluate`` below ``leadrelay score``.

    Parameters
    ----------
    actions
        What ``add_subparsers`` of the parser of ``score`` returned.
    printing
        Makes a command that prints a screen.
    """
    train = actions.add_parser(
        "train", help="learn from what was known at each moment, and judge it on the later months"
    )
    evaluate = actions.add_parser(
        "evaluate", help="judge a trained model by what came after everything that it learnt from"
    )
    for parser, what in ((train, "file to write"), (evaluate, "file to judge")):
        parser.add_argument(
            "--model", type=Path, metavar="FILE", help=f"{what} (default seeds/scoring/score_model.csv of the checkout)"
        )
        parser.add_argument("--outcome", metavar="WORD", help="only this outcome (default each of the seed)")
    train.set_defaults(command=printing(train_screen))
    evaluate.set_defaults(command=printing(evaluate_screen))


def train_screen(settings: Settings, options: argparse.Namespace) -> str:
    """Train a model per outcome on the earlier months, write them, and say how they do on the later ones."""
    _require_learner()
    from orchestration.scoring.files import model_version, write_models
    from orchestration.scoring.prediction import (
        TooLittleToLearnError,
        judge,
        later_cases,
        read_cases,
        split_by_time,
        train,
    )

    path: Path = options.model or _default_file(settings)
    models, lines, refusals = [], [], []
    with read_warehouse(settings) as connection:
        for outcome in _outcomes(connection, options.outcome):
            cases = read_cases(connection, outcome)
            try:
                model = train(split_by_time(cases)[0])
                models.append(model)
                lines.append(
                    f"{outcome:12}model {model_version(model)}, learnt from scores until {model.trained_until}"
                )
                lines.extend(_judgement_lines(judge(model, later_cases(model, cases))))
            except TooLittleToLearnError as error:
                refusals.append(error)
                lines.append(str(error))
    if not models:
        raise refusals[0]
    write_models(models, path)
    lines.append(f"written     {path}")
    lines.append("in force    from the next night on, with score_prediction: true in dbt_project/dbt_project.yml")
    return "\n".join(lines)


def evaluate_screen(settings: Settings, options: argparse.Namespace) -> str:
    """Judge the models of a file."""
    _require_learner()
    from orchestration.scoring.files import read_models
    from orchestration.scoring.prediction import judge, later_cases, read_cases

    path: Path = options.model or _default_file(settings)
    models = read_models(path)
    wanted = [outcome for outcome in models if options.outcome in {None, outcome}]
    if not wanted:
        raise ConfigError(f"{path} holds no model to judge; train one: leadrelay score train")
    lines = []
    with read_warehouse(settings) as connection:
        for outcome in wanted:
            lines.append(f"{outcome:12}learnt from scores until {models[outcome].trained_until}")
            cases = read_cases(connection, outcome)
            lines.extend(_judgement_lines(judge(models[outcome], later_cases(models[outcome], cases))))
    return "\n".join(lines)


def _judgement_lines(found: "Judgement") -> list[str]:
    lines = [
        f"  judged on {found.count:,} cases, {found.positives:,} with the outcome, scored {found.first} to {found.last}",
        f"  AUC       {found.auc:.3f} (95 % {found.auc_low:.3f} to {found.auc_high:.3f}); the rules' score {found.rules_auc:.3f}",
        f"  Brier     {found.brier:.5f}; always saying the rate {found.base_brier:.5f}",
        "  calibration  cases  predicted  observed",
    ]
    lines.extend(f"{'':13}{part.count:>7,}{part.predicted:>11.4f}{part.observed:>10.4f}" for part in found.bins)
    return lines


def _default_file(settings: Settings) -> Path:
    return settings.project_root / "seeds" / "scoring" / "score_model.csv"


def _outcomes(connection: "duckdb.DuckDBPyConnection", only: str | None) -> list[str]:
    if only is not None:
        return [only]
    return [row[0] for row in connection.execute("select outcome from seeds.backtest_outcomes order by 1").fetchall()]


def _require_learner() -> None:
    try:
        import sklearn  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise ConfigError(
            "the prediction needs scikit-learn, which is not installed: pip install 'leadrelay[prediction]'"
        ) from error
