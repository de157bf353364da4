"""When a deal was worked, lost and reopened equals a plain walk over its changes, on ten thousand random deals full of ties."""

import itertools
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pytest

from orchestration.ingest.warehouse import prepare
from orchestration.settings import Settings
from orchestration.transform.runner import run_dbt
from tests.integration.lifecycle.conftest import finish

DEALS = 10_000
START = datetime(2026, 1, 1)
COMPANY_ZONE = ZoneInfo("Asia/Shanghai")
WORKED_FIRST = {"open": 0, "lost": 1, "won": 2}
Change = tuple[datetime, str, str | None, str]
Stint = tuple[datetime, datetime | None]


def moment(rng: random.Random) -> datetime:
    """Few days and hours, so that equal instants and equal days are common; at 17:00 UTC a day has begun in Shanghai."""
    return START + timedelta(days=rng.randint(1, 6), hours=rng.choice([0, 9, 9, 15, 17]))


def random_deal(rng: random.Random, number: int) -> tuple[list[Change], datetime | None]:
    """Return the changes of one deal, and the close that the deal itself shows in the end."""
    changes = [
        (
            moment(rng),
            rng.choice(["open", "open", "lost", "lost", "won"]),
            rng.choice([None, "ann", "bob"]),
            f"{number}-{step}",
        )
        for step in range(rng.randint(0, 7))
    ]
    return changes, rng.choice([None, moment(rng), START + timedelta(days=9)])


def local_day(at: datetime) -> date:
    """Return the company's day."""
    return at.replace(tzinfo=UTC).astimezone(COMPANY_ZONE).date()


def plain_stints(changes: list[Change], closed_at: datetime | None) -> list[Stint]:
    """Walk the changes: a loss that another state follows ends a stretch of work, unless it was a slip of the hand."""
    stints: list[Stint] = []
    opened_at = START
    lost: tuple[datetime, str | None] | None = None
    for at, state, user, _ in sorted(changes, key=lambda change: (change[0], WORKED_FIRST[change[1]], change[3])):
        if state == "lost":
            lost = lost or (at, user)
        elif lost is not None:
            lost_at, lost_by = lost
            if local_day(lost_at) != local_day(at) or lost_by != user:
                stints.append((opened_at, lost_at))
                opened_at = at
            lost = None
    is_closed = closed_at is not None and (not stints or closed_at >= opened_at)
    return [*stints, (opened_at, closed_at if is_closed else None)]


@pytest.fixture(scope="module")
def deals() -> dict[str, tuple[list[Change], datetime | None]]:
    rng = random.Random(20260701)
    return {f"deal-{number:05d}": random_deal(rng, number) for number in range(DEALS)}


@pytest.fixture(scope="module")
def found(
    deals: dict[str, tuple[list[Change], datetime | None]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Stint]]:
    home: Path = tmp_path_factory.mktemp("deals")
    settings = Settings(home=home, sources_file=home / "sources.yml")
    changes = pd.DataFrame(
        [(deal, at, state, user, record) for deal, (rows, _) in deals.items() for at, state, user, record in rows],
        columns=["opportunity_id", "changed_at", "state", "changed_by", "record_id"],
    ).sample(frac=1, random_state=3)
    periods = pd.DataFrame(
        [(deal, closed_at) for deal, (_, closed_at) in deals.items()], columns=["opportunity_id", "closed_at"]
    )
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        prepare(connection)
        connection.execute("create schema if not exists seeds")
        connection.execute("create table seeds.business_day as select ? as time_zone", [COMPANY_ZONE.key])
        connection.register("changes", changes)
        connection.register("periods", periods)
        connection.execute(
            """
            create table intermediate.int_lifecycle__opportunity_changes as
            select 's' as source_system, *, 'crm.status_history' as source_table, false as is_date_only from changes
            """
        )
        connection.execute(
            """
            create table intermediate.int_lifecycle__opportunity_periods as
            select 's' as source_system, opportunity_id, opportunity_id as opportunity_record_id, null as crm_account_id,
                null as contact_id, 'p' as person_id, timestamp '2026-01-01' as created_at, timestamp '2026-01-01' as opened_at,
                cast(closed_at as timestamp) as closed_at, closed_at is not null as is_won, false as is_date_only
            from periods
            """
        )
    models = ["int_lifecycle__opportunity_reopenings", "int_lifecycle__opportunity_stints"]
    outcome = finish(run_dbt(settings, ["run", "--select", *models]))
    assert outcome.success, outcome.failures
    stints: dict[str, list[Stint]] = {}
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        for deal, opened_at, closed_at in connection.execute(
            """
            select opportunity_record_id, opened_at, closed_at from intermediate.int_lifecycle__opportunity_stints
            order by opportunity_record_id, stint_number
            """
        ).fetchall():
            stints.setdefault(deal, []).append((opened_at, closed_at))
    return stints


def test_the_stretches_of_work_equal_the_plain_walk(
    deals: dict[str, tuple[list[Change], datetime | None]], found: dict[str, list[Stint]]
) -> None:
    expected = {deal: plain_stints(*told) for deal, told in deals.items()}
    differing = [deal for deal in deals if found.get(deal) != expected[deal]]
    assert not differing, (differing[0], deals[differing[0]], found.get(differing[0]), expected[differing[0]])
    assert sum(len(stints) > 1 for stints in expected.values()) > 1_000, "deals must be reopened often"


def test_stretches_of_one_deal_follow_each_other(found: dict[str, list[Stint]]) -> None:
    for stints in found.values():
        for (_, closed_at), (reopened_at, _) in itertools.pairwise(stints):
            assert closed_at is not None
            assert closed_at <= reopened_at
