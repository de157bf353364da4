"""``leadrelay identity train|evaluate``: what these commands do and print.

What belongs here: arguments, opening the warehouse, the screen. What does not: estimates (`training`) and figures (`evaluation`).
"""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.commands import Printing
from orchestration.errors import ConfigError
from orchestration.ingest.warehouse import read_warehouse
from orchestration.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from orchestration.identity.evaluation import Judgement, PairLabels


_SOURCES = {"records": "int_identity__link_training_profiles", "clusters": "int_identity__link_profiles"}


def add_link_commands(actions: "argparse._SubParsersAction[argparse.ArgumentParser]", printing: Printing) -> None:
    """Add ``train`` and ``evaluate`` below ``leadrelay identity``.

    Parameters
    ----------
    actions
        What ``add_subparsers`` of the parser of ``identity`` returned.
    printing
        Makes a command that prints a screen.
    """
    train = actions.add_parser("train", help="learn from the warehouse's profiles how much each comparison says")
    train.add_argument(
        "--model",
        type=Path,
        metavar="FOLDER",
        help="folder with training.yml; the trained model goes into it (default LEADRELAY_LINK_MODEL, else the bundled one)",
    )
    train.add_argument("--out", type=Path, metavar="FOLDER", help="folder for the trained model, in place of --model")
    train.set_defaults(command=printing(train_screen))
    evaluate = actions.add_parser("evaluate", help="judge persons and probable links by labels")
    evaluate.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="CSV or parquet: true_person by record, or record_a, record_b, is_match (default the sample company's truth)",
    )
    evaluate.add_argument(
        "--thresholds", type=Path, metavar="FILE", help="another link_thresholds.csv to judge by (default the model's)"
    )
    evaluate.set_defaults(command=printing(evaluate_screen))


def train_screen(settings: Settings, options: argparse.Namespace) -> str:
    """Train a model, write it with its report, and say what was written."""
    from orchestration.identity.files import write_model
    from orchestration.identity.report import HTML_FILE, write_report
    from orchestration.identity.spec import SPEC_FILE, load_spec
    from orchestration.identity.training import train

    folder: Path = options.model or settings.link_model_dir
    spec = load_spec(folder / SPEC_FILE)
    with read_warehouse(settings) as connection:
        model = train(connection, f"intermediate.{_SOURCES[spec.train_on]}", spec)
    out: Path = options.out or folder
    version = write_model(model, out)
    write_report(model, version, out)
    return "\n".join(
        [
            f"model       {version}",
            f"trained on  {model.profile_count:,} profiles ({spec.train_on})",
            f"terms       {len(model.terms):,} frequent ones kept",
            f"report      {out / HTML_FILE}",
            f"next        look at the weights, commit {out}, then: leadrelay run",
        ]
    )


def evaluate_screen(settings: Settings, options: argparse.Namespace) -> str:
    """Judge the warehouse by labels and return the figures."""
    from orchestration.identity import evaluation

    labels: Path = options.labels or settings.home / "truth" / "record_truth.parquet"
    with read_warehouse(settings) as connection:
        rules = _thresholds(connection, options.thresholds)
        if evaluation.read_labels(connection, labels) == "pairs":
            lines = _pair_lines(evaluation.judge_pairs(connection))
        else:
            lines = _cluster_lines(evaluation.judge_all(connection, rules))
        band = evaluation.band_size(connection, rules)
    return "\n".join([*lines, f"review band {band:,} pairs from {rules['review_probability']:g} that do not link"])


def _pair_lines(found: "PairLabels") -> list[str]:
    return [
        f"labels      {found.matches:,} pairs of one person, {found.others:,} pairs of two",
        f"persons     precision {found.precision:.4f}  recall {found.recall:.4f}  F1 {found.f1:.4f}",
    ]


def _cluster_lines(judgements: "Sequence[Judgement]") -> list[str]:
    heads = ("clusters", "precision", "recall", "F1", "B3 P", "B3 R", "B3 F", "largest")
    lines = [" " * 22 + "".join(f"{head:>10}" for head in heads)]
    for found in judgements:
        shares = (found.precision, found.recall, found.f1, found.b3_precision, found.b3_recall, found.b3_f1)
        lines.append(
            f"{found.name:22}{found.clusters:>10,}{''.join(f'{share:>10.4f}' for share in shares)}{found.largest:>10,}"
        )
    return lines


def _thresholds(connection: "duckdb.DuckDBPyConnection", path: Path | None) -> dict[str, float]:
    if path is None:
        return dict(connection.execute("select threshold, value from seeds.link_thresholds").fetchall())
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {row["threshold"]: float(row["value"]) for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(f"{path} is no file of thresholds (threshold,value,reason): {error}") from error
