"""Who must stand elsewhere under another MQL threshold, worked out person by person in plain Python.

What belongs here: the rule of the MQL by score and the walk over a person's signals. It takes from the warehouse what a threshold does not touch:
points as published, moments, complete gates, returns, all other signals.
"""

import csv
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.settings import PROJECT_ROOT, Settings
from tests.integration.lifecycle.plain_score import PersonHistory, histories_of
from tests.property.lifecycle.plain_fold import Signal, fold

FOREVER = datetime(9999, 1, 1)
_LAST = "\uffff"
"""Sorts after every record id, as a missing one does in the ledger."""

Stay = tuple[datetime, int, int]
"""When entered, rank, cycle."""
Ledger = dict[str, list[Stay]]


def expected_ledger(settings: Settings, min_points: float) -> Ledger:
    """Return every person's stage entries of the acquisition track if an MQL by score took ``min_points``."""
    gates = _gate_by_route()
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        histories = histories_of(connection)
        signals = _other_signals(connection)
        reached = _reached(connection, histories, gates, min_points)
    for person, moments in reached.items():
        signals[person] += [Signal(at, "advance", 2, 6, None, 40, _LAST, "score_reached") for at in moments]
    return {person: [(row.at, row.rank, row.cycle) for row in fold(found)] for person, found in signals.items()}


def published_ledger(version: Path) -> Ledger:
    """Return the same of a published version."""
    ledger: Ledger = defaultdict(list)
    with duckdb.connect(str(version / "leadrelay.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            """
            select person_id, entered_at, stage_rank, cycle_number from marts.fct_lifecycle_transition
            where track = 'acquisition' order by person_id, entered_at, cycle_number, stage_rank
            """
        ).fetchall()
    for person, *stay in rows:
        ledger[person].append(tuple(stay))
    return dict(ledger)


def _gate_by_route() -> dict[str, str]:
    with (PROJECT_ROOT / "seeds" / "routing" / "routes.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["priority"]))
    return {row["route"]: row["gate"] for row in reversed(rows)}


def _other_signals(connection: duckdb.DuckDBPyConnection) -> dict[str, list[Signal]]:
    signals: dict[str, list[Signal]] = defaultdict(list)
    rows = connection.execute(
        """
        select person_id, occurred_at, kind, signal_phase, target_rank, from_min_rank, source_priority, record_id, signal
        from intermediate.int_lifecycle__judged_signals
        where handling = 'acquisition' and signal <> 'score_reached'
        """
    ).fetchall()
    for person, at, kind, phase, target, from_min, priority, record, name in rows:
        signals[person].append(Signal(at, kind, phase, target, from_min, priority, record or _LAST, name))
    return signals


def _reached(
    connection: duckdb.DuckDBPyConnection,
    histories: Mapping[str, PersonHistory],
    gates: Mapping[str, str],
    min_points: float,
) -> dict[str, list[datetime]]:
    """Return the first moment after each return at which points, gate and a new engagement came together."""
    complete = {
        (person, gate): at
        for person, gate, at in connection.execute(
            "select person_id, gate, complete_at from intermediate.int_scoring__gate_times where complete_at is not null"
        ).fetchall()
    }
    muted = defaultdict(list)
    for person, began, ended in connection.execute(
        "select person_id, began_at, ended_at from marts.fct_lifecycle_status where status = 'disqualified'"
    ).fetchall():
        muted[person].append((began, ended or FOREVER))
    found: dict[tuple[str, int], datetime] = {}
    for person, at, route, qualifying, returned, returns in connection.execute(
        """
        select person_id, occurred_at, score_route, last_qualifying_at, last_return_at, return_count
        from intermediate.int_lifecycle__stage_instants order by person_id, occurred_at
        """
    ).fetchall():
        if (person, returns) in found:
            continue
        gate = gates[route]
        is_complete = gate == "none" or complete.get((person, gate), FOREVER) <= at
        is_new = returned is None or (qualifying is not None and qualifying > returned)
        if is_complete and is_new and round(histories[person].score_at(at), 6) >= min_points:
            found[person, returns] = at
    reached = defaultdict(list)
    for (person, _), at in found.items():
        if not any(began < at < ended for began, ended in muted[person]):
            reached[person].append(at)
    return reached
