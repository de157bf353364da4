"""The sample company with stages that lapse: the ledger equals a plain walk over each person's days.

The models' own SQL over the session's rows; only `lapse_days` is another.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest

from orchestration.settings import PROJECT_ROOT, Settings
from tests.integration.rebuild import copy_tables, rebuild
from tests.property.lifecycle.plain_fold import Signal, fold

LAPSE_DAYS = {"mql": 14, "sql": 30, "opportunity": 60}
MODELS = (
    "int_lifecycle__lapses",
    "int_lifecycle__returns",
    "int_lifecycle__stage_instants",
    "int_lifecycle__computed_signals",
    "int_lifecycle__signals",
    "int_lifecycle__disqualified_periods",
    "int_lifecycle__customer_periods",
    "int_lifecycle__judged_signals",
    "int_lifecycle__acquisition_events",
    "int_lifecycle__acquisition_fold",
    "int_lifecycle__acquisition_moves",
    "int_lifecycle__expansion_steps",
    "int_lifecycle__expansion_moves",
    "int_lifecycle__entries",
    "int_lifecycle__entry_moments",
    "int_lifecycle__entry_scores",
    "int_lifecycle__entry_segments",
    "int_lifecycle__entry_routes",
    "int_lifecycle__dormant_periods",
    "int_lifecycle__status_periods",
    "int_lifecycle__inactive_periods",
    "fct_lifecycle_status",
    "fct_lifecycle_transition",
    "fct_stage_duration",
    "mart_stage_matrix",
    "mart_lifecycle_anomaly",
)
INVARIANTS = (
    "assert_ledger_holds_its_invariants",
    "assert_stage_days_sum_to_the_span",
    "assert_statuses_hold_their_invariants",
)
FOREVER = datetime(9999, 12, 31)


@pytest.fixture(scope="module")
def own(warehouse_home: Settings, warehouse: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    def change(connection: duckdb.DuckDBPyConnection) -> None:
        for stage, days in LAPSE_DAYS.items():
            connection.execute("update warehouse.seeds.stages set lapse_days = ? where stage = ?", [days, stage])
        copy_tables(connection, warehouse, ["seeds.routes", "intermediate.int_lifecycle__submissions"])

    with rebuild(warehouse_home, warehouse, MODELS, change) as connection:
        yield connection


def by_person(connection: duckdb.DuckDBPyConnection, question: str) -> dict[str, list[Any]]:
    """Return the rows of a question by their first column, the person."""
    found = defaultdict(list)
    for person, *row in connection.execute(question).fetchall():
        found[person].append(tuple(row) if len(row) > 1 else row[0])
    return found


def as_of(connection: duckdb.DuckDBPyConnection) -> datetime:
    """Return the moment up to which the ledger goes: a row that is open has stood for its days until then."""
    row = connection.execute(
        "select entered_at, stage_days from marts.fct_lifecycle_transition where is_current order by entered_at limit 1"
    ).fetchone()
    assert row is not None
    return row[0] + timedelta(days=row[1])


def min_points() -> dict[str, float]:
    """Return what a route asks for, from the seed as it is: one threshold without a date."""
    with (PROJECT_ROOT / "seeds" / "scoring" / "thresholds.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["stage"] == "mql"]
    assert all(row["score_part"] == "total" and not row["valid_from"] for row in rows)
    return {row["route"]: float(row["min_points"]) for row in rows}


def risen_scores(connection: duckdb.DuckDBPyConnection) -> dict[str, list[datetime]]:
    """Return the moments at which a score came to stand at a threshold with the gate of that route complete."""
    gates = dict(connection.execute("select route, min_by(gate, priority) from seeds.routes group by 1").fetchall())
    complete = {
        (person, gate): at
        for person, gate, at in connection.execute(
            "select person_id, gate, complete_at from intermediate.int_scoring__gate_times where complete_at is not null"
        ).fetchall()
    }
    risen = defaultdict(list)
    stood: dict[str, bool] = {}
    for person, at, score in connection.execute(
        "select person_id, occurred_at, total_score from intermediate.int_scoring__instant_scores order by all"
    ).fetchall():
        stands = any(
            score >= points and (gates[route] == "none" or complete.get((person, gates[route]), FOREVER) <= at)
            for route, points in min_points().items()
        )
        if stands and not stood.get(person, False):
            risen[person].append(at)
        stood[person] = stands
    return risen


def signs_of_life(connection: duckdb.DuckDBPyConnection) -> dict[str, list[datetime]]:
    """Return every moment at which something was heard of a person, in order."""
    signs = risen_scores(connection)
    for person, moments in by_person(
        connection,
        """
        select person_id, occurred_at from intermediate.int_engagement__interactions where is_engagement
        union select person_id, occurred_at from intermediate.int_lifecycle__crm_signals
        union select person_id, occurred_at from intermediate.int_lifecycle__submissions where signal is not null
        union select person_id, identified_at from intermediate.int_identity__persons where identified_at is not null
        """,
    ).items():
        signs[person] += moments
    return {person: sorted(set(moments)) for person, moments in signs.items()}


def walked_lapses(
    connection: duckdb.DuckDBPyConnection, signals: dict[str, list[Signal]]
) -> dict[str, list[tuple[datetime, str]]]:
    """Walk each person's days: at the end of every silence, look at the stage that all signals and lapses so far have led to."""
    names = dict(connection.execute("select stage_rank, stage from seeds.stages").fetchall())
    until = as_of(connection)
    deals = by_person(
        connection, "select person_id, opened_at, closed_at from intermediate.int_lifecycle__opportunity_stints"
    )
    barred = by_person(
        connection, "select person_id, began_at, ended_at from marts.fct_lifecycle_status where status = 'disqualified'"
    )
    lapses = defaultdict(list)
    for person, moments in signs_of_life(connection).items():
        history = list(signals.get(person, []))
        for heard, next_heard in zip(moments, [*moments[1:], FOREVER], strict=True):
            for stage, days in sorted(LAPSE_DAYS.items(), key=lambda item: item[1]):
                at = heard + timedelta(days=days)
                if at >= next_heard or at > until:
                    continue
                rows = fold(signal for signal in history if signal.at <= at)
                if not rows or names[rows[-1].rank] != stage:
                    continue
                if any(began <= at < (ended or FOREVER) for began, ended in deals.get(person, [])):
                    continue
                if any(began < at < (ended or FOREVER) for began, ended in barred.get(person, [])):
                    continue
                lapses[person].append((at, stage))
                # to whichever stage of the pool: both are below what lapses
                history.append(Signal(at, "return", 3, 4, rows[-1].rank, 27, f"quiet since {heard}", "lapsed"))
    return lapses


def test_the_ledger_lapses_whom_a_plain_walk_lapses_and_nobody_else(own: duckdb.DuckDBPyConnection) -> None:
    signals = defaultdict(list)
    for person, *values in own.execute(
        """
        select person_id, occurred_at, kind, signal_phase, target_rank, from_min_rank, source_priority,
            coalesce(record_id, chr(1114111)), signal
        from intermediate.int_lifecycle__judged_signals where handling = 'acquisition' and signal <> 'lapsed'
        """
    ).fetchall():
        signals[person].append(Signal(*values))
    walked = {(person, at, stage) for person, rows in walked_lapses(own, signals).items() for at, stage in rows}
    found = own.execute(
        "select person_id, entered_at, previous_stage from marts.fct_lifecycle_transition where signal = 'lapsed'"
    ).fetchall()
    assert len(found) == len(set(found))
    assert set(found) == walked
    by_stage = [stage for _, _, stage in found]
    assert by_stage.count("mql") > 20
    assert by_stage.count("sql") > 5
    # whoever stands there without a word from anybody has an open deal
    assert "opportunity" not in by_stage


def test_whom_no_silence_concerns_has_the_ledger_of_a_company_without_lapses(
    own: duckdb.DuckDBPyConnection, warehouse: duckdb.DuckDBPyConnection
) -> None:
    silent = {
        person for (person,) in own.execute("select person_id from intermediate.int_lifecycle__lapses").fetchall()
    }
    question = "select * from marts.fct_lifecycle_transition order by transition_id"
    ledgers = [
        [row for row in connection.execute(question).fetchall() if row[1] not in silent]
        for connection in (own, warehouse)
    ]
    assert ledgers[0] == ledgers[1]
    assert 20 < len(silent) < len({row[1] for row in ledgers[0]}) / 5


def test_a_lapse_is_a_return_to_the_pool_that_opens_a_cycle_and_is_recycled_until_the_next_mql(
    own: duckdb.DuckDBPyConnection,
) -> None:
    rows = own.execute(
        """
        select ledger.direction, ledger.stage, ledger.record_id is not null, ledger.evidence_kind,
            ledger.cycle_number - before.cycle_number, status.status,
            status.ended_at is not distinct from (
                select min(later.entered_at) from marts.fct_lifecycle_transition as later
                where later.person_id = ledger.person_id and later.entered_at > ledger.entered_at
                    and (later.direction in ('advance', 'skip') and later.stage_rank >= 6 or later.signal in ('lapsed', 'rejected_to_pool'))
            ) as ends_with_mql, count(*)
        from marts.fct_lifecycle_transition as ledger
        join marts.fct_lifecycle_transition as before
            on ledger.person_id = before.person_id and ledger.entered_at = before.exited_at and before.track = 'acquisition'
        left join marts.fct_lifecycle_status as status
            on ledger.person_id = status.person_id and ledger.entered_at = status.began_at and status.cause = 'lapsed'
        where ledger.signal = 'lapsed'
        group by all
        """
    ).fetchall()
    assert {row[:-1] for row in rows} == {
        ("return", stage, True, "observed", 1, "recycled", True) for stage in ("engaged", "target")
    }


def test_an_mql_by_score_after_a_lapse_comes_with_a_new_qualifying_touch(own: duckdb.DuckDBPyConnection) -> None:
    again = own.execute(
        """
        select ledger.entered_at, max(lapses.entered_at), (
            select max(touches.occurred_at) from intermediate.int_scoring__instants as touches
            where touches.person_id = ledger.person_id and touches.is_qualifying and touches.occurred_at <= ledger.entered_at
        )
        from marts.fct_lifecycle_transition as ledger
        join marts.fct_lifecycle_transition as lapses
            on ledger.person_id = lapses.person_id and lapses.signal = 'lapsed' and lapses.entered_at < ledger.entered_at
        where ledger.signal = 'score_reached'
        group by ledger.person_id, ledger.entered_at
        """
    ).fetchall()
    assert again
    assert all(lapsed < touched <= entered for entered, lapsed, touched in again)


def test_who_is_customer_or_disqualified_has_no_lapse_and_no_lapse_closes_an_expansion(
    own: duckdb.DuckDBPyConnection,
) -> None:
    (wrong,) = own.execute(
        """
        select count(*) from marts.fct_lifecycle_transition as lapses
        join marts.fct_lifecycle_transition as customers
            on lapses.person_id = customers.person_id and customers.stage = 'customer' and customers.track = 'acquisition'
            and lapses.entered_at > customers.entered_at
            and (customers.exited_at is null or lapses.entered_at <= customers.exited_at)
        where lapses.signal = 'lapsed'
        """
    ).fetchone()
    assert wrong == 0
    # neither the models nor the plain walk above take a customer's silence for anything
    assert own.execute(
        "select count(*) from intermediate.int_lifecycle__expansion_steps where signal = 'lapsed'"
    ).fetchone() == (0,)
    assert own.execute(
        "select distinct track from marts.fct_lifecycle_transition where signal = 'lapsed'"
    ).fetchall() == [("acquisition",)]


def test_a_silence_that_moves_nobody_is_no_anomaly(own: duckdb.DuckDBPyConnection) -> None:
    (silences,) = own.execute("select count(*) from intermediate.int_lifecycle__lapses").fetchone()
    (moves,) = own.execute("select count(*) from marts.fct_lifecycle_transition where signal = 'lapsed'").fetchone()
    assert silences > moves
    assert own.execute("select count(*) from marts.mart_lifecycle_anomaly where signal = 'lapsed'").fetchone() == (0,)


def test_the_ledger_with_lapses_holds_what_every_ledger_holds(
    own: duckdb.DuckDBPyConnection, warehouse_home: Settings
) -> None:
    for name in INVARIANTS:
        (path,) = warehouse_home.dbt_target_dir.glob(f"compiled/**/{name}.sql")
        assert own.execute(path.read_text(encoding="utf-8")).fetchall() == [], name


def test_the_matrix_of_stages_counts_the_lapses_among_the_returns(own: duckdb.DuckDBPyConnection) -> None:
    counted = own.execute(
        """
        select from_stage, to_stage, n::int from marts.mart_stage_matrix
        where direction = 'return' and track = 'acquisition' order by all
        """
    ).fetchall()
    entered = own.execute(
        """
        select previous_stage, stage, count(*) from marts.fct_lifecycle_transition
        where direction = 'return' and track = 'acquisition' group by all order by all
        """
    ).fetchall()
    assert counted == entered
    assert {"mql", "sql"} <= {stage for stage, _, _ in counted}
