"""Random lifecycle ledgers with the shape that the ledger model promises, and the funnel marts that dbt makes of them.

What belongs here: making histories, writing them to a DuckDB file, running dbt on it. What does not: any counting.
Who may call it: the funnel tests. Nothing here copies a rule of a model; rows are simulated one person at a time.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestration.settings import Settings
from orchestration.transform.runner import run_dbt
from tests.integration.lifecycle.conftest import finish

STAGES = ["awareness", "friend", "name", "engaged", "target", "mql", "sql", "opportunity", "customer"]
RANK = {stage: position + 1 for position, stage in enumerate(STAGES)}
AS_OF = datetime(2025, 8, 17, 9, 30)
FIRST_DAY = datetime(2024, 2, 3)

TRANSITION_TYPES = {
    "transition_id": "VARCHAR",
    "person_id": "VARCHAR",
    "account_id": "VARCHAR",
    "track": "VARCHAR",
    "cycle_number": "INTEGER",
    "stage": "VARCHAR",
    "stage_rank": "INTEGER",
    "entry_number": "INTEGER",
    "stage_label": "VARCHAR",
    "entered_at": "TIMESTAMP",
    "exited_at": "TIMESTAMP",
    "previous_stage": "VARCHAR",
    "next_stage": "VARCHAR",
    "direction": "VARCHAR",
    "skipped_stages": "INTEGER",
    "is_reentry": "BOOLEAN",
    "signal": "VARCHAR",
    "record_id": "VARCHAR",
    "evidence_kind": "VARCHAR",
    "is_date_only": "BOOLEAN",
    "score_at_entry": "DOUBLE",
    "route": "VARCHAR",
    "motion": "VARCHAR",
    "stage_days": "DOUBLE",
    "active_days": "DOUBLE",
    "is_current": "BOOLEAN",
    "is_stage_sla_breached": "BOOLEAN",
    "outcome": "VARCHAR",
    "channel": "VARCHAR",
    "campaign_id": "VARCHAR",
    "region": "VARCHAR",
    "industry": "VARCHAR",
    "company_size": "VARCHAR",
}
STATUS_TYPES = {
    "status_id": "VARCHAR",
    "person_id": "VARCHAR",
    "status": "VARCHAR",
    "began_at": "TIMESTAMP",
    "ended_at": "TIMESTAMP",
    "cause": "VARCHAR",
    "record_id": "VARCHAR",
    "is_open": "BOOLEAN",
}


@dataclass
class _Person:
    """One simulated person: the moves so far, per track."""

    person_id: str
    dice: random.Random
    moves: dict[str, list[dict[str, object]]] = field(default_factory=lambda: {"acquisition": [], "expansion": []})
    segments: dict[str, str] = field(default_factory=dict)

    @property
    def account_id(self) -> str:
        """Ten accounts share everybody."""
        return f"a{self.person_id[-1]}"

    def reroll_segments(self, *, share: float) -> None:
        """Draw each segment anew with the given probability; the first call draws all of them."""
        words = {
            "channel": ["website", "event", "paid_search", "unmapped"],
            "campaign_id": ["c1", "c2", "unknown"],
            "region": ["north", "south"],
            "industry": ["machinery", "unknown"],
        }
        for name, values in words.items():
            if name not in self.segments or self.dice.random() < share:
                self.segments[name] = self.dice.choice(values)

    def move(self, track: str, at: datetime, stage: str, direction: str, cycle: int) -> None:
        """Write one stage entry."""
        self.reroll_segments(share=0.15)
        self.moves[track].append(
            {"at": at, "stage": stage, "direction": direction, "cycle": cycle, "outcome": None, **self.segments}
        )


def _wait(dice: random.Random) -> timedelta:
    """A waiting time: now and then none at all, or whole days, as date-only exports give them."""
    draw = dice.random()
    if draw < 0.08:
        return timedelta()
    if draw < 0.4:
        return timedelta(days=dice.choice([10, 20, 30, dice.randint(1, 60)]))
    return timedelta(seconds=dice.randint(1, 70 * 86400))


def _walk_expansion(person: _Person, at: datetime, *, cycles: int) -> None:
    """Let a customer open deals one after the other; some are won, some lost, the last may stay open."""
    dice = person.dice
    for cycle in range(1, cycles + 1):
        at += _wait(dice)
        if at > AS_OF:
            return
        person.move("expansion", at, "opportunity", "new_cycle", cycle)
        at += _wait(dice) or timedelta(seconds=1)
        if at > AS_OF:
            return
        if dice.random() < 0.5:
            person.move("expansion", at, "customer", "advance", cycle)
        else:
            person.moves["expansion"][-1]["outcome"] = "lost"
            person.moves["expansion"][-1]["closed_at"] = at
        at += timedelta(hours=1)


def _next_move(dice: random.Random, rank: int) -> tuple[int, str]:
    """The next rank and direction of somebody who stands at ``rank``."""
    draw = dice.random()
    if rank == RANK["customer"]:
        return RANK["target"], "return"
    if rank >= RANK["sql"] and draw < 0.2:
        return RANK["mql"], "return"
    if rank >= RANK["mql"] and draw < 0.4:
        return RANK[dice.choice(["engaged", "target"])], "return"
    if rank >= RANK["target"] and draw > 0.97:
        return RANK["engaged"], "new_cycle"
    target = min(rank + dice.choice([1, 1, 1, 1, 2, 3, 5]), RANK["customer"])
    return target, "advance" if target == rank + 1 else "skip"


def _walk(person: _Person) -> None:
    """Simulate one person from the first sight to the end of the data."""
    dice = person.dice
    at = FIRST_DAY + timedelta(days=dice.randint(0, 480), seconds=dice.choice([0, dice.randint(0, 86399)]))
    stage = dice.choice(["awareness", "name", "name", "name", "mql", "customer"])
    cycle = 1
    person.move("acquisition", at, stage, "start" if RANK[stage] <= RANK["name"] else "skip", cycle)
    while dice.random() < 0.85:
        rank, direction = _next_move(dice, RANK[stage])
        wait = _wait(dice)
        # only a new cycle may begin in the second in which the row before began
        if direction in {"advance", "skip"} and not wait:
            wait = timedelta(seconds=1)
        if at + wait > AS_OF:
            return
        at += wait
        if direction in {"return", "new_cycle"}:
            cycle += 1
        if stage == "customer" and dice.random() < 0.5:
            _walk_expansion(person, at, cycles=dice.randint(1, 3))
            return
        stage = STAGES[rank - 1]
        person.move("acquisition", at, stage, direction, cycle)


def _skipped(moves: list[dict[str, object]], index: int) -> int:
    """Stages passed over by a skip; a start above the entry stages passed those below it."""
    move = moves[index]
    if move["direction"] != "skip":
        return 0
    before = RANK[str(moves[index - 1]["stage"])] if index else 0
    return RANK[str(move["stage"])] - before - 1


def _rows(person: _Person) -> Iterator[dict[str, object]]:
    """The ledger rows of one person."""
    everything = [(track, index) for track, moves in person.moves.items() for index in range(len(moves))]
    everything.sort(key=lambda key: (person.moves[key[0]][key[1]]["at"], key[0], key[1]))
    entries: dict[str, int] = {}
    for track, index in everything:
        moves = person.moves[track]
        move = moves[index]
        stage = str(move["stage"])
        entries[stage] = entries.get(stage, 0) + 1
        follower = moves[index + 1] if index + 1 < len(moves) else None
        exited_at = move.get("closed_at") or (follower["at"] if follower else None)
        entered_at = move["at"]
        end = exited_at or AS_OF
        days = (end - entered_at).total_seconds() / 86400  # type: ignore[operator]
        yield {
            "transition_id": f"{person.person_id}-{track}-{index}",
            "person_id": person.person_id,
            "account_id": person.account_id,
            "track": track,
            "cycle_number": move["cycle"],
            "stage": stage,
            "stage_rank": RANK[stage],
            "entry_number": entries[stage],
            "stage_label": f"{stage.upper()}-{entries[stage]:02d}",
            "entered_at": entered_at,
            "exited_at": exited_at,
            "previous_stage": moves[index - 1]["stage"] if index else None,
            "next_stage": follower["stage"] if follower and exited_at == follower["at"] else None,
            "direction": move["direction"],
            "skipped_stages": _skipped(moves, index),
            "is_reentry": entries[stage] > 1,
            "signal": "simulated",
            "record_id": f"r-{person.person_id}-{track}-{index}",
            "evidence_kind": "observed",
            "is_date_only": False,
            "route": ["direct", "nurture", None][int(person.person_id[-1]) % 3],
            "motion": ["inbound", "outbound"][index % 2],
            "stage_days": days,
            "active_days": days,
            "is_current": exited_at is None,
            "is_stage_sla_breached": False,
            "outcome": move["outcome"],
            "channel": move["channel"],
            "campaign_id": move["campaign_id"],
            "region": move["region"],
            "industry": move["industry"],
            "company_size": "unknown",
        }


def _statuses(person: _Person) -> Iterator[dict[str, object]]:
    """A few status intervals somewhere in the person's time."""
    dice = person.dice
    began_at = person.moves["acquisition"][0]["at"]
    for number in range(dice.choice([0, 0, 1, 2])):
        began_at += timedelta(days=dice.randint(1, 120))  # type: ignore[operator]
        if began_at > AS_OF:
            return
        ended_at = began_at + timedelta(days=dice.randint(0, 90))
        yield {
            "status_id": f"{person.person_id}-{number}",
            "person_id": person.person_id,
            "status": dice.choice(["recycled", "dormant", "dormant", "disqualified"]),
            "began_at": began_at,
            "ended_at": ended_at if ended_at <= AS_OF else None,
            "cause": "simulated",
            "record_id": None,
            "is_open": ended_at > AS_OF,
        }
        began_at = ended_at


def _random_ledger(people: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate histories.

    Parameters
    ----------
    people
        Number of persons.
    seed
        Same seed, same histories.

    Returns
    -------
    tuple of DataFrame
        Ledger rows and status intervals, columns as the two fact tables have them.
    """
    transitions: list[dict[str, object]] = []
    statuses: list[dict[str, object]] = []
    for number in range(people):
        person = _Person(f"p{number:05d}", random.Random(f"{seed}-{number}"))
        _walk(person)
        transitions.extend(_rows(person))
        statuses.extend(_statuses(person))
    return (
        pd.DataFrame(transitions).reindex(columns=list(TRANSITION_TYPES)),
        pd.DataFrame(statuses).reindex(columns=list(STATUS_TYPES)),
    )


def _create(connection: duckdb.DuckDBPyConnection, name: str, types: dict[str, str], rows: pd.DataFrame) -> None:
    """Create table ``name`` with the given column types and fill it."""
    casts = ", ".join(f'cast("{column}" as {type_name}) as "{column}"' for column, type_name in types.items())
    connection.register("incoming_rows", rows)
    connection.execute(f"create or replace table {name} as select {casts} from incoming_rows")
    connection.unregister("incoming_rows")


def _write_warehouse(path: Path, transitions: pd.DataFrame, statuses: pd.DataFrame) -> None:
    """Write the two fact tables, the moment of the night and empty sources beside them.

    Parameters
    ----------
    path
        DuckDB file; made when absent.
    transitions, statuses
        What `_random_ledger` returned.
    """
    with duckdb.connect(str(path)) as connection:
        for schema in ("marts", "ops", "staging", "intermediate", "seeds"):
            connection.execute(f"create schema if not exists {schema}")
        _create(connection, "marts.fct_lifecycle_transition", TRANSITION_TYPES, transitions)
        _create(connection, "marts.fct_lifecycle_status", STATUS_TYPES, statuses)
        connection.execute("create or replace table ops.as_of as select cast(? as timestamp) as as_of", [AS_OF])
        connection.execute("create or replace table marts.fct_interaction (occurred_at timestamp)")
        connection.execute("create or replace table staging.stg_crm__opportunities (created_at timestamp)")
        _create_surroundings(connection)


def _create_surroundings(connection: duckdb.DuckDBPyConnection) -> None:
    """Write what the velocity looks at beside the ledger: fit at entry, target lists, owners, who is only a device; and the campaigns."""
    connection.execute(
        """
        create or replace table intermediate.int_lifecycle__entry_scores as
        select distinct person_id, entered_at as occurred_at,
            cast(hash(person_id || cast(entered_at as varchar)) % 30 as double) as fit_score
        from marts.fct_lifecycle_transition
        """
    )
    connection.execute(
        """
        create or replace table staging.stg_crm__target_lists as
        select 'crm' as source_system, 'key accounts' as list_name, 'k3' as account_id,
            timestamp '2024-09-01' as valid_from, cast(null as timestamp) as valid_to
        """
    )
    connection.execute(
        """
        create or replace table intermediate.int_identity__crm_accounts as
        select 'crm' as source_system, 'k3' as crm_account_id, 'a3' as account_id
        """
    )
    connection.execute(
        """
        create or replace table intermediate.int_routing__person_owners as
        select distinct person_id, 'owner-' || right(person_id, 1) as owner_id
        from marts.fct_lifecycle_transition where person_id not like '%7'
        """
    )
    connection.execute(
        """
        create or replace table intermediate.int_identity__persons as
        select distinct person_id, person_id like '%9' as is_anonymous from marts.fct_lifecycle_transition
        """
    )
    connection.execute(
        "create or replace table marts.dim_campaign as select distinct campaign_id from marts.fct_lifecycle_transition"
    )


FUNNEL = [
    "path:../models/marts/reference",
    "path:../models/marts/funnel",
    "path:../models/intermediate/funnel",
    "path:../seeds/targets",
    "stages",
    "grades",
    "assert_closing_is_next_opening",
    "assert_volume_closing_equals_the_ledger_stock",
    "assert_every_cohort_entry_is_converted_open_or_lost",
    "assert_velocity_cases_equal_the_moves_of_the_ledger",
    "assert_stage_durations_reconcile_with_the_ledger",
]


@pytest.fixture(scope="session")
def random_funnel(tmp_path_factory) -> Path:
    """A warehouse of 1,500 simulated histories with the funnel marts that dbt built on it, their invariants tested."""
    scratch = tmp_path_factory.mktemp("random_funnel")
    settings = Settings(home=scratch, sources_file=scratch / "sources.yml")
    _write_warehouse(settings.warehouse_path, *_random_ledger(people=1500, seed=20250817))
    # empty: tests of other models would ask for tables that are not there
    outcome = finish(run_dbt(settings, ["build", "--select", *FUNNEL, "--indirect-selection", "empty"]))
    assert outcome.success, outcome.failures
    return settings.warehouse_path
