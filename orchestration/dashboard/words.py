"""Texts and numbers in the reader's language.

Texts of the interface and names of values are data (``words.yml``, ``values.yml``). What a column means to a business is not said a second
time: Chinese labels and descriptions come from the models' yml, stage names from `dim_stage`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from orchestration.dashboard.palette import stage_colours

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}
DEFAULT_LANGUAGE = "en"
_HERE = Path(__file__).parent
_CAPITALS = {"mql": "MQL", "sql": "SQL", "roi": "ROI", "id": "ID", "sla": "SLA", "p90": "P90", "km": "KM", "sdr": "SDR"}
_MISSING = "\u2013"
_MYRIAD, _HUNDRED_MILLION = 10_000, 100_000_000
_THOUSAND, _MILLION, _BILLION = 1_000, 1_000_000, 1_000_000_000


@dataclass(frozen=True)
class Stage:
    """One stage as `dim_stage` has it, with its colour."""

    stage: str
    label: str
    colour: str


@dataclass(frozen=True)
class Words:
    """How to say things in one language.

    Parameters
    ----------
    language
        ``en`` or ``zh``.
    models_dir
        Where the models' yml lie; columns are called by them.
    stages
        In their order; empty before anything is published.
    """

    language: str
    models_dir: Path
    stages: Sequence[Stage] = field(default=())

    def __call__(self, key: str, **values: object) -> str:
        """Return a text of ``words.yml`` with its places filled in."""
        text: str = _texts("words.yml")[key][self.language]
        return text.format(**values) if values else text

    def value(self, kind: str, value: object) -> str:
        """Return what a value such as a channel is called; one that ``values.yml`` does not know is shown as it is, readable."""
        if value is None or value != value:  # noqa: PLR0124 - not-a-number is the one value that differs from itself
            return _MISSING
        known = _texts("values.yml").get(kind, {}).get(str(value))
        if known:
            return str(known[self.language])
        text = str(value)
        return readable(text) if text.isascii() and text == text.lower() else text

    def stage(self, stage: object) -> str:
        """Return what a stage is called."""
        known = next((one.label for one in self.stages if one.stage == stage), None)
        return known if known is not None else self.value("stage", stage)

    def label(self, table: str, column: str) -> str:
        """Return what a column is called: in Chinese by the model's yml, in English by its own name."""
        own = _texts("values.yml")["column"].get(column, {}).get(self.language)
        if self.language == "zh":
            known = column_catalogue(self.models_dir, table).get(column)
            return (known and known[0]) or own or readable(column)
        return str(own or readable(column))

    def header(self, table: str, column: str) -> str:
        """Return what a column is called above a table: shorter where its label is long."""
        short: dict[str, str] = _texts("values.yml")["header"].get(column, {})
        return short.get(self.language) or self.label(table, column)

    def meaning(self, table: str, column: str) -> str | None:
        """Return the column's description, which the yml gives in English alone."""
        known = column_catalogue(self.models_dir, table).get(column)
        return known[1] if known and self.language == "en" else None

    def number(self, value: float | None, decimals: int = 0) -> str:
        """Return a number with its thousands set apart."""
        return _MISSING if value is None or value != value else f"{value:,.{decimals}f}"  # noqa: PLR0124

    def short(self, value: float | None) -> str:
        """Return a large number in few characters: thousands and millions in English, 万 and 亿 in Chinese."""
        if value is None or value != value:  # noqa: PLR0124
            return _MISSING
        if self.language == "zh":
            units: Sequence[tuple[int, str]] = ((_HUNDRED_MILLION, "亿"), (_MYRIAD, "万"))
        else:
            units = ((_BILLION, "B"), (_MILLION, "M"), (10 * _THOUSAND, "K"))
        for size, unit in units:
            if abs(value) >= size:
                divisor = _THOUSAND if unit == "K" else size
                return f"{value / divisor:,.1f}{unit}"
        return f"{value:,.0f}"

    def percent(self, share: float | None, decimals: int = 1) -> str:
        """Return a share from 0 to 1 as a percentage."""
        return _MISSING if share is None or share != share else f"{share * 100:,.{decimals}f}%"  # noqa: PLR0124

    def month(self, month: str) -> str:
        """Return ``2026-03`` as people write it."""
        year, number = month.split("-")
        if self.language == "zh":
            return f"{year}年{int(number)}月"
        return f"{_texts('words.yml')['months']['en'].split()[int(number) - 1]} {year}"

    def period(self, first: str, last: str) -> str:
        """Return two months, ``YYYY-MM``, as from the one to the other."""
        return self("from_to", first=self.month(first), last=self.month(last))

    @property
    def month_axis(self) -> str:
        """Return how a chart's time axis writes a month, in d3's notation."""
        return "%y年%-m月" if self.language == "zh" else "%b %y"


def readable(name: str) -> str:
    """Return a name with underscores as words: ``cost_per_mql`` is ``Cost per MQL``, ``entered_count`` is ``Entered``."""
    for ending in ("_count", "_amount", "_at"):
        name = name.removesuffix(ending)
    words = [_CAPITALS.get(word, word) for word in name.removeprefix("is_").removeprefix("has_").split("_")]
    text = " ".join(words).strip()
    return text[:1].upper() + text[1:]


def make_words(language: str, models_dir: Path, stages: Sequence[Mapping[str, Any]] = ()) -> Words:
    """Return the words of one language.

    Parameters
    ----------
    language
        ``en`` or ``zh``; anything else is English.
    models_dir
        Folder with the models.
    stages
        Rows of the query ``stages``.
    """
    language = language if language in LANGUAGES else DEFAULT_LANGUAGE
    colours = stage_colours([str(row["stage"]) for row in stages])
    told = [Stage(str(row["stage"]), str(row[f"label_{language}"]), colours[str(row["stage"])]) for row in stages]
    return Words(language, models_dir, tuple(told))


@cache
def column_catalogue(models_dir: Path, table: str) -> dict[str, tuple[str | None, str]]:
    """Return label in Chinese and description of each column of a mart, as its yml has them; empty for a mart that is not there."""
    path = next(iter(sorted(models_dir.glob(f"marts/*/{table}.yml"))), None)
    if path is None:
        return {}
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a safe loader
    columns = content["models"][0]["columns"]
    return {
        column["name"]: (
            column.get("config", {}).get("meta", {}).get("label_zh"),
            " ".join(column.get("description", "").split()),
        )
        for column in columns
    }


@cache
def _texts(file: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load((_HERE / file).read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a safe loader
    return content


# The C loader reads a yml ten times as fast where PyYAML was built with it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
