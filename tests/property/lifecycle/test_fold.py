"""The set-based ledger equals the plain loop on ten thousand random histories, and does not care in which order rows lie."""

import itertools
import random
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestration.ingest.warehouse import prepare
from orchestration.settings import Settings
from orchestration.transform.runner import run_dbt
from tests.integration.lifecycle.conftest import finish
from tests.integration.lifecycle.threads import Plugin, profile_with_threads
from tests.property.lifecycle.plain_fold import Row, Signal, fold

HISTORIES = 10_000
FOLD_MODELS = (
    "int_lifecycle__acquisition_events",
    "int_lifecycle__acquisition_fold",
    "int_lifecycle__acquisition_moves",
)
ADVANCES = [("seen", 1, 90), ("named", 3, 70), ("engaged", 4, 60), ("fit", 5, 50), ("mql", 6, 40), ("direct", 6, 30)]
ADVANCES += [("accepted", 7, 20), ("opened", 8, 15), ("won", 9, 10)]
RETURNS = [("to_sdr", 6, 7), ("to_pool", 5, 6), ("to_pool", 4, 6), ("lost", 5, 8), ("churned", 5, 9)]
# what lapses does so from one stage alone
LAPSES = [(5, 6), (4, 6), (5, 7), (4, 8), (5, 8), (2, 4), (3, 9)]


def random_history(rng: random.Random, person: int) -> list[Signal]:
    """Few distinct instants, so that ties and repeated returns are common."""
    start = datetime(2026, 1, 1)
    history = []
    for number in range(rng.randint(1, 24)):
        at = start + timedelta(hours=rng.randint(0, 30))
        kind = rng.choices(["advance", "return", "lapse", "new_cycle"], weights=[6, 3, 2, 1])[0]
        if kind == "advance":
            name, target, priority = rng.choice(ADVANCES)
            history.append(Signal(at, kind, 2, target, None, priority, f"{person}-{number}", name))
        elif kind == "return":
            name, target, from_min = rng.choice(RETURNS)
            history.append(Signal(at, kind, 3, target, from_min, 20, f"{person}-{number}", name))
        elif kind == "lapse":
            target, held = rng.choice(LAPSES)
            history.append(Signal(at, "return", 3, target, held, 27, f"{person}-{number}", "lapsed", held))
        else:
            name, priority = rng.choice([("requalified", 28), ("job_changed", 29)])
            history.append(Signal(at, kind, 1, rng.choice([4, 5, 8]), None, priority, f"{person}-{number}", name))
    return history


@pytest.fixture(scope="module")
def histories() -> dict[str, list[Signal]]:
    rng = random.Random(20260630)
    return {f"person-{number:05d}": random_history(rng, number) for number in range(HISTORIES)}


def ledger_of(
    histories: dict[str, list[Signal]], settings: Settings, shuffle_seed: int, threads: int
) -> dict[str, list[Row]]:
    """Lay the histories down as judged signals, run the real models on them and read the moves."""
    rows = [(person, signal) for person, signals in histories.items() for signal in signals]
    random.Random(shuffle_seed).shuffle(rows)
    judged = pd.DataFrame(
        [
            {
                "person_id": person,
                "occurred_at": signal.at,
                "stated_at": signal.at,
                "is_date_only": False,
                "signal": signal.name,
                "kind": signal.kind,
                "signal_phase": signal.phase,
                "source_priority": signal.priority,
                "target_rank": signal.target,
                "from_min_rank": signal.from_min,
                "from_max_rank": signal.from_max,
                "is_rejection": False,
                "route": None,
                "record_id": signal.record_id,
                "source_table": "crm.status_history",
                "handling": "acquisition",
            }
            for person, signal in rows
        ]
    ).astype({"from_min_rank": "Int32", "from_max_rank": "Int32", "route": "string"})
    connection = duckdb.connect(str(settings.warehouse_path))
    prepare(connection)
    connection.execute("create schema if not exists intermediate")
    connection.register("judged", judged)
    connection.execute("create or replace table intermediate.int_lifecycle__judged_signals as select * from judged")
    connection.close()

    Plugin.wanted, Plugin.seen = threads, set()
    outcome = finish(run_dbt(settings, ["run", *profile_with_threads(settings.home), "--select", *FOLD_MODELS]))
    assert outcome.success, outcome.failures
    assert Plugin.seen == {threads}

    connection = duckdb.connect(str(settings.warehouse_path))
    moves = connection.execute(
        """
        select person_id, entered_at, move, rank_after, cycle_number,
            row_number() over (partition by person_id, rank_after order by event_number) as entry_number, record_id
        from intermediate.int_lifecycle__acquisition_moves
        order by person_id, event_number
        """
    ).fetchall()
    connection.close()
    ledger: dict[str, list[Row]] = defaultdict(list)
    for person, *row in moves:
        ledger[person].append(Row(*row))
    return ledger


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home: Path = tmp_path_factory.mktemp("fold")
    return Settings(home=home, sources_file=home / "sources.yml")


@pytest.fixture(scope="module")
def ledger(histories: dict[str, list[Signal]], settings: Settings) -> dict[str, list[Row]]:
    return ledger_of(histories, settings, shuffle_seed=1, threads=2)


def test_ledger_equals_the_plain_fold_row_for_row(
    histories: dict[str, list[Signal]], ledger: dict[str, list[Row]]
) -> None:
    expected = {person: fold(signals) for person, signals in histories.items()}
    differing = [person for person in histories if ledger.get(person, []) != expected[person]]
    assert not differing, (differing[0], ledger.get(differing[0]), expected[differing[0]])
    lapses = {signal.record_id for signals in histories.values() for signal in signals if signal.name == "lapsed"}
    acted = sum(row.record_id in lapses for rows in expected.values() for row in rows)
    assert 1_000 < acted < len(lapses) / 2, "lapses must act, and find another stage too"
    moves = [row.move for rows in expected.values() for row in rows]
    assert min(moves.count("advance"), moves.count("return"), moves.count("new_cycle")) > 1_000, (
        "histories must exercise every move"
    )


def test_same_history_shuffled_on_other_thread_counts_gives_the_identical_ledger(
    histories: dict[str, list[Signal]], ledger: dict[str, list[Row]], settings: Settings
) -> None:
    for threads, seed in ((1, 7), (16, 8)):
        assert ledger_of(histories, settings, shuffle_seed=seed, threads=threads) == ledger


def test_cycle_numbers_rise_by_one_with_every_return_and_new_cycle(ledger: dict[str, list[Row]]) -> None:
    for rows in ledger.values():
        cycle = 1
        for row in rows:
            cycle += row.move != "advance"
            assert row.cycle == cycle


def test_ranks_rise_inside_a_cycle(ledger: dict[str, list[Row]]) -> None:
    for rows in ledger.values():
        for before, after in itertools.pairwise(rows):
            assert after.cycle > before.cycle or after.rank > before.rank
