"""What the report holds: the sections, each a query and a chart of the dashboard, over the last full months and everybody.

Aggregates only: no person, no company, no free text of anybody's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from orchestration.dashboard import charts, figures
from orchestration.dashboard.filters import Filters
from orchestration.dashboard.published import NotPublishedError, read
from orchestration.dashboard.words import Words, make_words

_MONTHS = 12
_STEPS_SHOWN = 4
_WINDOW_DAYS = 90
_MOVES = "mart_funnel_volume"


@dataclass(frozen=True)
class Section:
    """One part of the report.

    Parameters
    ----------
    name
        As in ``words.yml`` and in the picture's file name.
    title, note
        What is asked, and what the figures mean.
    chart
        None when there are no rows.
    """

    name: str
    title: str
    note: str
    chart: charts.Chart | None


@dataclass(frozen=True)
class Contents:
    """The report in one language.

    Parameters
    ----------
    words
        The language.
    period
        In words.
    cards
        Label and figure.
    sections
        In their order.
    moves
        Header and rows of the table of moves, as texts.
    """

    words: Words
    period: str
    cards: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    moves: tuple[Sequence[str], Sequence[Sequence[str]]]


def gather_contents(folder: Path, models_dir: Path, languages: Sequence[str]) -> list[Contents]:
    """Read a version and return its report in each language.

    Parameters
    ----------
    folder
        The version's folder.
    models_dir
        Where the models' yml lie, which name the columns.
    languages
        Such as ``en`` and ``zh``.

    Raises
    ------
    LeadrelayError
        If the version cannot be read.
    """
    rows = _Rows(folder)
    stages = rows("stages").to_dict("records")
    return [_contents(rows, make_words(language, models_dir, stages)) for language in languages]


class _Rows:
    """Rows of the queries under the report's own filters, each read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, pd.DataFrame] = {}
        months = read(folder, "months", {})
        whole = list(months.loc[months["is_complete_month"], "month"]) or list(months["month"]) or ["0000-00"]
        self.filters = Filters(whole[-_MONTHS:][0], whole[-1])

    def __call__(self, query: str, **more: Any) -> pd.DataFrame:  # noqa: ANN401 - any value of a query
        key = f"{query} {sorted(more.items())}"
        if key not in self._known:
            try:
                self._known[key] = read(self._folder, query, {**self.filters.parameters(), **more})
            except NotPublishedError:
                self._known[key] = pd.DataFrame()
        return self._known[key]


def _contents(rows: _Rows, words: Words) -> Contents:
    filters = rows.filters
    month = words.month(filters.to_month)
    worth = rows("stage_worth")
    currency = "" if worth.empty else str(worth["reporting_currency"].iloc[0])
    volume = rows("volume")
    charted: Mapping[str, tuple[pd.DataFrame, Callable[[pd.DataFrame], charts.Chart]]] = {
        "stock": (volume, lambda found: figures.stock(found, words)),
        "new": (volume, lambda found: figures.new_entries(found, words)),
        "reached": (volume, lambda found: figures.funnel(found, words)),
        "conversion": (
            rows("conversion_steps", window_days=_WINDOW_DAYS),
            lambda found: charts.step_rates(figures.with_steps(found, words), words),
        ),
        "days": (
            _last_steps(rows),
            lambda found: charts.velocity_lines(figures.with_steps(found, words), words, "mean_days"),
        ),
        "targets": (rows("targets"), lambda found: figures.targets(found, words)),
        "money": (
            rows("channel_efficiency", view_type="same_month", side="acquisition"),
            lambda found: figures.channel_money(found, words, currency),
        ),
        "credits": (
            rows("attribution_channels", target_type="revenue"),
            lambda found: figures.credits_of_models(found, words, currency),
        ),
    }
    sections = [
        Section(
            name,
            words(f"{name}_title", month=month),
            words("report_reached_note") if name == "reached" else words(f"{name}_note", currency=currency),
            None if found.empty else draw(found),
        )
        for name, (found, draw) in charted.items()
    ]
    period = words.period(filters.from_month, filters.to_month)
    return Contents(words, period, _cards(volume, words), sections, _moves(volume, words))


def _last_steps(rows: _Rows) -> pd.DataFrame:
    found = rows("velocity_months", transition_kind="step")
    if found.empty:
        return found
    last = sorted(set(found["from_stage_rank"]))[-_STEPS_SHOWN:]
    return found[found["from_stage_rank"].isin(last)]


def _cards(volume: pd.DataFrame, words: Words) -> list[tuple[str, str]]:
    entered = figures.entered_by_stage(volume)
    return [
        (words("new_in_stage", stage=stage.label), words.number(entered.get(stage.stage, 0)))
        for stage in words.stages[-_STEPS_SHOWN:]
    ]


def _moves(volume: pd.DataFrame, words: Words) -> tuple[list[str], list[list[str]]]:
    if volume.empty:
        return [], []
    moves = figures.moves(volume)
    columns = [column for column in moves.columns if column not in {"stage", "stage_rank", "change"}]
    header = [words("stage"), *(words.label(_MOVES, column) for column in columns)]
    told = [
        [words.stage(row["stage"]), *(words.number(row[column]) for column in columns)]
        for row in moves.to_dict("records")
    ]
    return header, told
