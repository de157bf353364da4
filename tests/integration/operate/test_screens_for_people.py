"""What `leadrelay explain` and `leadrelay status` say of the session's home."""

import duckdb
import pytest

from orchestration.errors import LeadrelayError
from orchestration.operate.explain import explain
from orchestration.operate.status import status_screen
from orchestration.settings import Settings


@pytest.fixture(scope="module")
def somebody(warehouse: duckdb.DuckDBPyConnection) -> tuple[str, str, str]:
    """A person with a mailbox and a phone of their own who has been an MQL."""
    return warehouse.execute(
        """
        select person.person_id, person.email, person.phone
        from marts.dim_person as person
        where person.email is not null and person.phone is not null
            and person.person_id in (select person_id from marts.fct_lifecycle_transition where stage = 'mql')
            and not exists (
                select 1 from marts.bridge_person_identifier as shared
                where shared.identifier_value in (person.email, person.phone) and shared.person_id <> person.person_id
            )
        order by person.person_id
        limit 1
        """
    ).fetchone()


def test_explain_finds_a_person_by_id_mail_and_phone(warehouse_home: Settings, somebody: tuple[str, str, str]) -> None:
    person_id, email, phone = somebody
    by_id = explain(warehouse_home, person_id)
    assert explain(warehouse_home, email.upper()) == by_id
    assert explain(warehouse_home, phone) == by_id


def test_explain_shows_every_record_stage_and_score_event(
    warehouse_home: Settings, warehouse: duckdb.DuckDBPyConnection, somebody: tuple[str, str, str]
) -> None:
    person_id = somebody[0]
    screen = explain(warehouse_home, person_id)
    for title, table in (
        ("Records", "bridge_person_record"),
        ("Stages", "fct_lifecycle_transition"),
        ("Score", "fct_score_event"),
    ):
        (count,) = warehouse.execute(f"select count(*) from marts.{table} where person_id = ?", [person_id]).fetchone()
        assert f"{title} ({count})" in screen
    assert "MQL-01" in screen


def test_explain_says_when_nobody_is_found(warehouse_home: Settings) -> None:
    with pytest.raises(LeadrelayError, match="nobody is known"):
        explain(warehouse_home, "nobody@example.org")


def test_status_counts_the_persons_of_the_published_file(
    warehouse_home: Settings, warehouse: duckdb.DuckDBPyConnection
) -> None:
    (persons,) = warehouse.execute("select count(*) from marts.dim_person").fetchone()
    screen = status_screen(warehouse_home)
    assert f"persons     {persons:,}" in screen
    assert "crm.leads" in screen
