"""The ledger's rules as a plain loop over one person's signals: slow, obvious, and written without a look at the SQL.

What belongs here: the reference that the models are held against. Nothing else may use it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Signal:
    """One signal as the fold meets it: an advance to ``target``, a return to it, or a new cycle at most there.

    A return acts from ``from_min`` on; a lapse acts on that stage alone, so its ``from_max`` is the same.
    """

    at: datetime
    kind: str
    phase: int
    target: int
    from_min: int | None
    priority: int
    record_id: str
    name: str
    from_max: int | None = None


@dataclass(frozen=True)
class Row:
    """One stage entry."""

    at: datetime
    move: str
    rank: int
    cycle: int
    entry: int
    record_id: str


def fold(signals: Iterable[Signal]) -> list[Row]:
    """Walk one person's signals in order and write a row per stage entry."""
    rows: list[Row] = []
    stage, cycle = 0, 1
    entries: dict[int, int] = {}

    def enter(signal: Signal, move: str, rank: int) -> None:
        nonlocal stage
        stage = rank
        entries[rank] = entries.get(rank, 0) + 1
        rows.append(Row(signal.at, move, rank, cycle, entries[rank], signal.record_id))

    ordered = sorted(signals, key=lambda s: (s.at, s.phase, s.target, s.priority, s.record_id, s.name, s.from_min or 0))
    for signal in highest_advance_of_each_instant(ordered):
        if signal.kind == "advance":
            if signal.target > stage:
                enter(signal, "advance", signal.target)
        elif signal.kind == "return":
            is_too_high = signal.from_max is not None and stage > signal.from_max
            if stage >= (signal.from_min or 0) and stage > signal.target and not is_too_high:
                cycle += 1
                enter(signal, "return", signal.target)
        elif stage > 0:
            cycle += 1
            enter(signal, "new_cycle", min(stage, signal.target))
    return rows


def highest_advance_of_each_instant(ordered: list[Signal]) -> list[Signal]:
    """Keep one advance per instant: the highest, of several the one with the least priority number."""
    best: dict[datetime, Signal] = {}
    for signal in ordered:
        if signal.kind == "advance":
            held = best.get(signal.at)
            key = (-signal.target, signal.priority, signal.record_id, signal.name)
            if held is None or key < (-held.target, held.priority, held.record_id, held.name):
                best[signal.at] = signal
    return [s for s in ordered if s.kind != "advance" or best[s.at] is s]
