"""The growing pile of facts: blocks of rows per source table, each row with its true person.

What belongs here: collecting, numbering and joining blocks. What does not: what the rows mean (stories) and how they are written (files).
Columns whose name starts with an underscore are the generator's own: `_person` (index, -1 nobody), `_system` (the source
system), `_evidence_*` (which identifiers the record truly shares with other records of the person).
"""

from dataclasses import dataclass, field

import numpy as np

from orchestration.sample.arrays import FAR, NAT, Column, Floats, Ints, Texts, nothing

NO_EVIDENCE = -1


@dataclass
class Table:
    """Joined rows of one source table.

    Parameters
    ----------
    columns
        Column name to values, all of one length.
    """

    columns: dict[str, Column]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def take(self, index: Ints) -> "Table":
        """Return the rows at ``index``."""
        return Table({name: values[index] for name, values in self.columns.items()})

    def appended(self, other: "Table") -> "Table":
        """Return this table's rows followed by ``other``'s (same columns)."""
        return Table({name: np.concatenate([values, other.columns[name]]) for name, values in self.columns.items()})


def empty_like(values: Column, count: int) -> Column:
    """Return ``count`` missing values of the kind of ``values``."""
    if values.dtype == np.int64:
        return np.full(count, NAT, dtype=np.int64)
    if values.dtype == np.float64:
        return np.full(count, np.nan, dtype=np.float64)
    return nothing(count)


@dataclass
class Facts:
    """Blocks of rows by table name (`<source>.<table>`) and running numbers of ids."""

    blocks: dict[str, list[dict[str, Column]]] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)

    def ids(self, prefix: str, count: int, width: int = 7) -> Texts:
        """Return the next ``count`` ids with ``prefix``."""
        start = self.counters.get(prefix, 1)
        self.counters[prefix] = start + count
        out = np.empty(count, dtype=object)
        out[:] = [f"{prefix}{number:0{width}d}" for number in range(start, start + count)]
        return out

    def add(self, table: str, person: Ints, system: str | Texts, **columns: Column | str | float | None) -> None:
        """Add one block.

        Parameters
        ----------
        table
            `<source>.<table>`.
        person
            True person per row, -1 for rows about nobody.
        system
            Source system, one for all rows or one per row.
        columns
            Values per row, or one value for all rows; `int64` columns are times in seconds.
        """
        count = len(person)
        if not count:
            return
        block: dict[str, Column] = {"_person": person.astype(np.int64)}
        for name, value in {"_system": system, **columns}.items():
            block[name] = value if isinstance(value, np.ndarray) else _repeated(value, count)
        self.blocks.setdefault(table, []).append(block)

    def table(self, name: str) -> Table:
        """Return all rows of ``name``, columns united, missing ones null."""
        blocks = self.blocks.get(name, [])
        kinds: dict[str, Column] = {}
        for block in blocks:
            for column, values in block.items():
                if column not in kinds or kinds[column].dtype == object:
                    kinds[column] = values
        joined: dict[str, Column] = {}
        for column, sample in kinds.items():
            parts = [block.get(column, None) for block in blocks]
            pieces = [
                empty_like(sample, len(block["_person"])) if part is None else part
                for part, block in zip(parts, blocks, strict=True)
            ]
            joined[column] = np.concatenate(pieces)
        return Table(joined)


def _repeated(value: str | float | None, count: int) -> Column:
    out = nothing(count)
    out[:] = value
    return out


@dataclass
class StageLog:
    """True stage entries as planned; rows of one person at one instant are in the order in which they were said."""

    person: list[Ints] = field(default_factory=list)
    stage: list[Texts] = field(default_factory=list)
    at: list[Ints] = field(default_factory=list)
    track: list[Texts] = field(default_factory=list)

    def enter(self, person: Ints, stage: str | Texts, at: Ints, track: str = "acquisition") -> None:
        """Log that each person enters ``stage`` at ``at`` (seconds)."""
        if not len(person):
            return
        self.person.append(person.astype(np.int64))
        self.stage.append(stage if isinstance(stage, np.ndarray) else _as_texts(stage, len(person)))
        self.at.append(at.astype(np.int64))
        self.track.append(_as_texts(track, len(person)))


def _as_texts(value: str, count: int) -> Texts:
    out = nothing(count)
    out[:] = value
    return out


@dataclass
class NoiseLimits:
    """Until when and how much the engagement room may scatter touches over a person without changing the planned truth.

    Parameters
    ----------
    identified_at, engaged_at
        First instants as name and as engaged (seconds; `FAR` for never): no meaningful touch of a known person before.
    qualify_until
        No meaningful touch from here on (the first return or dormancy).
    free_from
        From here on points do not matter (an MQL who never returns).
    is_quiet
        No scattered touch at all.
    has_meaningful_prelude
        Anonymous visits before the first form may be meaningful (the first form makes the person engaged anyway).
    planned_points
        Points of planned interactions before the MQL, without decay.
    """

    identified_at: Ints
    engaged_at: Ints
    qualify_until: Ints
    free_from: Ints
    is_quiet: np.ndarray
    has_meaningful_prelude: np.ndarray
    planned_points: Floats


def no_limits(count: int) -> NoiseLimits:
    """Return limits under which nothing has been planned yet."""
    return NoiseLimits(
        identified_at=np.full(count, FAR, dtype=np.int64),
        engaged_at=np.full(count, FAR, dtype=np.int64),
        qualify_until=np.full(count, FAR, dtype=np.int64),
        free_from=np.full(count, FAR, dtype=np.int64),
        is_quiet=np.zeros(count, dtype=bool),
        has_meaningful_prelude=np.zeros(count, dtype=bool),
        planned_points=np.zeros(count, dtype=np.float64),
    )
