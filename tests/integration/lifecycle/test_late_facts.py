"""What a later night learns about the past: the ledger is then what it would have been, and the revision says what changed and why."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.ingest import warehouse as warehouse_file
from orchestration.publish.remembered import copy_published
from orchestration.settings import Settings
from tests.integration.lifecycle.histories import (
    FIRST_NIGHT,
    MARTS,
    SECOND_NIGHT,
    THIRD_NIGHT,
    Reader,
    first_night,
    second_night,
    third_night,
)

Story = Callable[[str], Reader]


def publish(settings: Settings, target: Path) -> Path:
    """Write the ledger of a warehouse as a published file would show it."""
    with duckdb.connect(str(target)) as connection:
        connection.execute(f"attach '{settings.warehouse_path}' as warehouse (read_only)")
        connection.execute("create schema marts")
        for mart in ("fct_lifecycle_transition", "fct_lifecycle_revision"):
            connection.execute(f"create table marts.{mart} as select * from warehouse.marts.{mart}")
    return target


@pytest.fixture(scope="module")
def late_home(
    stories_home: Settings, tmp_path_factory: pytest.TempPathFactory, build_marts: Callable[[Settings, str], None]
) -> Settings:
    """The stories' home after its second night."""
    folder = tmp_path_factory.mktemp("late")
    settings = replace(stories_home, home=folder / "home")
    shutil.copytree(stories_home.home, settings.home)
    published = publish(stories_home, folder / "published.duckdb")
    with warehouse_file.connect(settings) as connection:
        copy_published(connection, published, FIRST_NIGHT)
    second_night().write(settings.landing_dir, arrived_at=SECOND_NIGHT, first_sequence=101)
    build_marts(settings, MARTS)
    return settings


@pytest.fixture(scope="module")
def late(late_home: Settings) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(late_home.warehouse_path), read_only=True)


@pytest.fixture(scope="module")
def parted(
    late_home: Settings, tmp_path_factory: pytest.TempPathFactory, build_marts: Callable[[Settings, str], None]
) -> duckdb.DuckDBPyConnection:
    """The same after a third night, before which a steward has kept the two of case 27 apart."""
    folder = tmp_path_factory.mktemp("parted")
    settings = replace(late_home, home=folder / "home", own_seeds_dir=folder / "own")
    shutil.copytree(late_home.home, settings.home)
    with warehouse_file.connect(settings) as connection:
        copy_published(connection, publish(late_home, folder / "published.duckdb"), SECOND_NIGHT)
    overrides = folder / "own" / "identity" / "identity_overrides.csv"
    overrides.parent.mkdir(parents=True)
    one, other = (f"email,{slug}@{slug}-works.com" for slug in ("casetwentyseven", "casetwentysevenother"))
    overrides.write_text(
        "decision,left_type,left_value,right_type,right_value,decided_by,decided_at,reason\n"
        f"cannot_link,{one},{other},ada,2027-01-10 09:00:00,Merged by mistake\n",
        encoding="utf-8",
    )
    third_night().write(settings.landing_dir, arrived_at=THIRD_NIGHT, first_sequence=201)
    build_marts(settings, MARTS)
    return duckdb.connect(str(settings.warehouse_path), read_only=True)


@pytest.fixture
def before(stories_home: Settings) -> Story:
    connection = duckdb.connect(str(stories_home.warehouse_path), read_only=True)
    return lambda slug: Reader(connection, slug)


@pytest.fixture
def story(late: duckdb.DuckDBPyConnection) -> Story:
    return lambda slug: Reader(late, slug)


def labels(case: Reader) -> list[str]:
    return [label for label, _, _ in case.ledger]


def test_the_late_ledger_is_what_it_would_have_been_had_all_been_known(
    late: duckdb.DuckDBPyConnection,
    stories_home: Settings,
    tmp_path_factory: pytest.TempPathFactory,
    build_marts: Callable[[Settings, str], None],
) -> None:
    settings = replace(stories_home, home=tmp_path_factory.mktemp("rebuilt"))
    first_night().write(settings.landing_dir, arrived_at=FIRST_NIGHT)
    second_night().write(settings.landing_dir, arrived_at=SECOND_NIGHT, first_sequence=101)
    build_marts(settings, "+fct_lifecycle_transition +fct_lifecycle_status +fct_account_stage")
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as rebuilt:
        for mart in ("fct_lifecycle_transition", "fct_lifecycle_status", "fct_account_stage"):
            question = f"select * from marts.{mart} order by all"
            assert late.execute(question).fetchall() == rebuilt.execute(question).fetchall(), mart


def test_the_first_publish_revises_nothing(stories_home: Settings) -> None:
    with duckdb.connect(str(stories_home.warehouse_path), read_only=True) as connection:
        assert connection.execute("select count(*) from marts.fct_lifecycle_revision").fetchone() == (0,)


def test_a_status_that_arrives_late_is_entered_where_it_belongs(before: Story, story: Story) -> None:
    assert labels(before("latestatus")) == ["MQL-01"]
    case = story("latestatus")
    assert labels(case) == ["MQL-01", "SQL-01"]
    assert case.entered("SQL-01") == datetime(2026, 5, 10, 9)
    assert case.revisions == [
        ("MQL-01", "changed", "late_fact", "crm.status_history"),
        ("SQL-01", "inserted", "late_fact", "crm.status_history"),
    ]


def test_a_changed_close_date_moves_the_customer(before: Story, story: Story) -> None:
    assert before("closedate").entered("Customer-01") == datetime(2026, 5, 20, 9)
    case = story("closedate")
    assert case.entered("Customer-01") == datetime(2026, 5, 10, 9)
    assert case.revisions == [
        ("Customer-01", "changed", "corrected_fact", "crm.opportunities"),
        ("Opportunity-01", "changed", "corrected_fact", "crm.opportunities"),
    ]


def test_case_22_a_corrected_wrong_row_replays_and_writes_a_revision(before: Story, story: Story) -> None:
    assert labels(before("casetwentytwocorrected")) == ["Target-01", "MQL-01"]
    case = story("casetwentytwocorrected")
    assert labels(case) == ["Engaged-01"]
    assert ("MQL-01", "removed", "corrected_fact", "forms.submissions") in case.revisions


def test_case_27_two_mqls_that_turn_out_one_person_are_replayed_by_time(
    before: Story, story: Story, late: duckdb.DuckDBPyConnection
) -> None:
    first, second = before("casetwentyseven"), before("casetwentysevenother")
    assert labels(second) == ["MQL-01"]
    case = story("casetwentyseven")
    assert labels(case) == ["MQL-01", "Target-01", "MQL-02"]
    assert story("casetwentysevenother").person_id == case.person_id == first.person_id
    redirects = late.execute(
        "select person_id from marts.bridge_person_redirect where retired_person_id = ?", [second.person_id]
    ).fetchall()
    assert redirects == [(first.person_id,)]
    assert ("MQL-02", "inserted", "identity", None) in case.revisions
    assert second.person_id != first.person_id
    removed = late.execute(
        "select stage_label, change_kind, cause_kind, cause_load_id is not null from marts.fct_lifecycle_revision where person_id = ?",
        [second.person_id],
    ).fetchall()
    assert removed == [("MQL-01", "removed", "identity", True)]


def test_two_persons_whom_a_steward_parts_get_their_own_ledgers_back_and_the_revision_says_why(
    before: Story, story: Story, parted: duckdb.DuckDBPyConnection
) -> None:
    one, other = Reader(parted, "casetwentyseven"), Reader(parted, "casetwentysevenother")
    assert [one.person_id, other.person_id] == [
        before("casetwentyseven").person_id,
        before("casetwentysevenother").person_id,
    ]
    assert labels(one) == labels(before("casetwentyseven")) == ["MQL-01", "Target-01"]
    assert labels(other) == labels(before("casetwentysevenother")) == ["MQL-01"]
    assert labels(story("casetwentyseven")) == ["MQL-01", "Target-01", "MQL-02"]
    told = parted.execute(
        "select person_id, stage_label, change_kind, changed_columns, cause_kind from marts.fct_lifecycle_revision"
        " where revised_at = ? and person_id in (?, ?)",
        [THIRD_NIGHT, one.person_id, other.person_id],
    ).fetchall()
    # while they were one, the account of both was that of the other's mailbox
    assert set(told) == {
        (one.person_id, "MQL-01", "changed", "account_id", "identity"),
        (one.person_id, "Target-01", "changed", "account_id,exited_at,next_stage", "identity"),
        (one.person_id, "MQL-02", "removed", "", "identity"),
        (other.person_id, "MQL-01", "inserted", "", "identity"),
    }
    assert len(told) == 4


def test_case_29_what_a_deleted_lead_or_activity_meant_vanishes_and_the_person_stays(
    before: Story, story: Story
) -> None:
    assert labels(before("deletedactivity")) == ["Name-01", "MQL-01"]
    case = story("deletedactivity")
    assert labels(case) == ["Name-01"]
    assert case.person_id == before("deletedactivity").person_id
    assert ("MQL-01", "removed", "deleted_fact", "crm.activities") in case.revisions

    assert labels(before("deletedlead")) == ["Name-01", "SQL-01"]
    case = story("deletedlead")
    assert labels(case) == ["Name-01"]
    assert case.person_id == before("deletedlead").person_id
    assert ("SQL-01", "removed", "deleted_fact", "crm.leads") in case.revisions


def test_what_happened_since_is_news_and_no_revision(story: Story) -> None:
    case = story("afterwards")
    assert labels(case) == ["MQL-01", "SQL-01"]
    assert case.revisions == []


def test_every_revision_is_a_difference_between_the_two_ledgers_and_none_is_missing(
    late: duckdb.DuckDBPyConnection, stories_home: Settings
) -> None:
    """Compare both ledgers a second time, row by row in plain Python."""
    columns = "transition_id, entered_at, exited_at, next_stage, signal, record_id, cycle_number"
    with duckdb.connect(str(stories_home.warehouse_path), read_only=True) as connection:
        old = {
            row[0]: row
            for row in connection.execute(f"select {columns} from marts.fct_lifecycle_transition").fetchall()
        }
    new = {row[0]: row for row in late.execute(f"select {columns} from marts.fct_lifecycle_transition").fetchall()}

    def known_then(row: tuple[object, ...]) -> tuple[object, ...]:
        key, entered_at, exited_at, next_stage, *rest = row
        if exited_at is not None and exited_at > FIRST_NIGHT:
            exited_at = next_stage = None
        return (key, entered_at, exited_at, next_stage, *rest)

    expected = {(key, "removed") for key in old.keys() - new.keys()}
    expected |= {(key, "inserted") for key in new.keys() - old.keys() if new[key][1] <= FIRST_NIGHT}
    expected |= {(key, "changed") for key in new.keys() & old.keys() if known_then(new[key]) != old[key]}
    found = late.execute("select transition_id, change_kind from marts.fct_lifecycle_revision").fetchall()
    others = {(key, kind) for key, kind in found if (key, kind) not in expected}
    assert expected <= set(found)
    # besides those: rows whose account, score or segments alone are different
    assert {kind for _, kind in others} <= {"changed"}
    assert len(found) == len(set(found))
    assert late.execute("select distinct published_as_of, revised_at from marts.fct_lifecycle_revision").fetchall() == [
        (FIRST_NIGHT, SECOND_NIGHT)
    ]
