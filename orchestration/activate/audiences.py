"""Audiences as rows of seeds/activation/audiences.csv, checked before anything is read.

What does not belong here: whether a mart has the columns that a row names, which only the published file knows (`files`).
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import ConfigError
from orchestration.settings import Settings

SEED = Path("activation") / "audiences.csv"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Audience:
    """One audience.

    Parameters
    ----------
    name
        Its name, and that of its files.
    mart
        Published table that holds its people.
    filters
        Column -> values of which it has one.
    purpose, channel
        For what and how they are reached.
    columns
        Of the mart or of ``dim_person``, in this order.
    """

    name: str
    mart: str
    filters: Mapping[str, Sequence[str]]
    purpose: str
    channel: str
    columns: tuple[str, ...]


def audiences_file(settings: Settings) -> Path:
    """Return the file in force: the company's own one, else the checkout's."""
    own = settings.own_seeds_dir / SEED if settings.own_seeds_dir else None
    return own if own is not None and own.exists() else settings.seeds_dir / SEED


def read_audiences(settings: Settings) -> dict[str, Audience]:
    """Read every audience, by name.

    Raises
    ------
    ConfigError
        If the file cannot be read, or a row lacks something or is written wrongly; all such rows are named.
    """
    path = audiences_file(settings)
    found: dict[str, Audience] = {}
    problems: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for number, row in enumerate(csv.DictReader(stream), start=2):
                try:
                    audience = _audience(row)
                    if audience.name in found:
                        problems.append(f"line {number}: there is another audience {audience.name!r}")
                    found[audience.name] = audience
                except ValueError as error:
                    problems.append(f"line {number}: {error}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: not readable as a list of audiences ({error}); nothing was written.") from error
    if problems:
        raise ConfigError(f"{path}: nothing was written; correct these rows:\n  " + "\n  ".join(problems))
    return found


def choose(settings: Settings, names: Sequence[str]) -> list[Audience]:
    """Return the audiences of some names, all of them for none.

    Raises
    ------
    ConfigError
        If there is none of a name; the message lists those that are.
    """
    known = read_audiences(settings)
    unknown = sorted(set(names) - known.keys())
    if unknown:
        raise ConfigError(
            f"no audience is called {', '.join(map(repr, unknown))}; there are: {', '.join(sorted(known))}. "
            f"Nothing was written. They are rows of {audiences_file(settings)}"
        )
    return [known[name] for name in (dict.fromkeys(names) or known)]


def _audience(row: Mapping[str, str | None]) -> Audience:
    texts = {name: (row.get(name) or "").strip() for name in ("audience", "mart", "purpose", "channel", "columns")}
    missing = [name for name, text in texts.items() if not text]
    if missing:
        message = f"{', '.join(missing)} is missing"
        raise ValueError(message)
    # The name becomes a folder, so it is a word and nothing else.
    if not _NAME.fullmatch(texts["audience"]):
        message = f"{texts['audience']!r} is no name; use small letters, digits and underscores"
        raise ValueError(message)
    return Audience(
        texts["audience"],
        texts["mart"],
        _filters(row.get("filters") or ""),
        texts["purpose"],
        texts["channel"],
        tuple(dict.fromkeys(name.strip() for name in texts["columns"].split("|") if name.strip())),
    )


def _filters(text: str) -> dict[str, tuple[str, ...]]:
    filters: dict[str, tuple[str, ...]] = {}
    for condition in filter(None, (part.strip() for part in text.split(";"))):
        column, equals, values = condition.partition("=")
        if not equals or not column.strip() or not values.strip():
            message = f"the filter {condition!r} is not written column=value or column=value|value"
            raise ValueError(message)
        filters[column.strip()] = tuple(value.strip() for value in values.split("|"))
    return filters
