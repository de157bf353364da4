"""``leadrelay metrics list`` and ``query``: what these commands do and print.

What belongs here: arguments, screens, the CSV. What does not: answering (`engine`).
"""

import argparse
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from orchestration.commands import Printing
from orchestration.export import write_csv
from orchestration.metrics.engine import Answer, open_metrics
from orchestration.settings import Settings
from orchestration.tables import cell_text


def add_metric_commands(actions: "argparse._SubParsersAction[argparse.ArgumentParser]", printing: Printing) -> None:
    """Add ``list`` and ``query`` to the actions of ``leadrelay metrics``.

    Parameters
    ----------
    actions
        What ``add_subparsers`` of the ``metrics`` parser returned.
    printing
        Makes a command that prints a screen.
    """
    listing = actions.add_parser("list", help="list the metrics, or what one can be grouped by")
    listing.add_argument("metric", nargs="?", help="show this one with its groups")
    listing.set_defaults(command=printing(list_screen))
    query = actions.add_parser("query", help="ask the published file for metrics")
    query.add_argument("metrics", nargs="+", metavar="METRIC")
    query.add_argument("--by", nargs="+", default=[], metavar="GROUP", help="such as month, stage, channel")
    query.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="such as \"{{ Dimension('volume__channel') }} = 'event'\"; may be repeated",
    )
    query.add_argument(
        "--order", nargs="+", default=[], metavar="COLUMN", help="such as month, or spend:desc for the largest first"
    )
    query.add_argument("--limit", type=int, metavar="N")
    query.add_argument("--csv", type=Path, metavar="FILE", help="write the rows there instead of to the screen")
    query.add_argument("--sql", action="store_true", help="show the statement and do not run it")
    query.set_defaults(command=printing(query_screen))


def list_screen(settings: Settings, options: argparse.Namespace) -> str:
    """List the metrics by subject, or one metric with what it can be grouped by."""
    with open_metrics(settings) as metrics:
        if options.metric:
            groups = metrics.groups([options.metric])
            metric = metrics.all[options.metric]
            return "\n".join(
                [
                    f"{metric.name}  {metric.label} / {metric.label_zh}",
                    metric.description,
                    "",
                    "group by",
                    *[f"  {group}" for group in groups],
                ]
            )
        shown = [metric for metric in metrics.all.values() if not metric.is_part]
    width = max(len(metric.name) for metric in shown)
    lines: list[str] = []
    for subject in dict.fromkeys(metric.subject for metric in shown):
        of_subject = [metric for metric in shown if metric.subject == subject]
        lines += ["", subject] if lines else [subject]
        lines += [f"  {metric.name:<{width}}  {metric.label} / {metric.label_zh}" for metric in of_subject]
    return "\n".join([*lines, "", "what one can be grouped by: leadrelay metrics list METRIC"])


def query_screen(settings: Settings, options: argparse.Namespace) -> str:
    """Answer a question as a table, as a file or as its statement."""
    with open_metrics(settings) as metrics:
        answer = metrics.query(options.metrics, options.by, options.where, options.order, options.limit)
    if options.sql:
        return answer.sql
    if options.csv is not None:
        with options.csv.open("w", encoding="utf-8", newline="") as stream:
            write_csv(stream, answer.columns, answer.rows)
        return f"{len(answer.rows):,} rows in {options.csv}"
    return answer_table(answer)


def answer_table(answer: Answer) -> str:
    """Return an answer as a table for a terminal: texts to the left, numbers to the right.

    Parameters
    ----------
    answer
        Of `Metrics.query`.
    """
    cells = [[cell_text(value) for value in row] for row in answer.rows]
    widths = [max(len(row[place]) for row in [list(answer.columns), *cells]) for place in range(len(answer.columns))]
    numeric = [
        all(isinstance(row[place], int | float | Decimal | None) for row in answer.rows)
        for place in range(len(answer.columns))
    ]

    def line(row: Sequence[str]) -> str:
        return "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()

    return "\n".join([line(answer.columns), line(["-" * width for width in widths]), *map(line, cells)])
