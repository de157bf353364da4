"""The score at every stage entry, computed a second time in plain Python from the published events."""

from datetime import datetime, time, timedelta

import duckdb
import pytest

from orchestration.settings import Settings
from orchestration.transform.project import dbt_session
from orchestration.transform.runner import _close_warehouse
from tests.integration.lifecycle.plain_score import PersonHistory, histories_of


@pytest.fixture(scope="module")
def histories(warehouse: duckdb.DuckDBPyConnection) -> dict[str, PersonHistory]:
    return histories_of(warehouse)


def test_score_at_every_stage_entry_equals_plain_python(
    warehouse: duckdb.DuckDBPyConnection, histories: dict[str, PersonHistory]
) -> None:
    entries = warehouse.execute(
        "select person_id, stage_label, entered_at, score_at_entry from marts.fct_lifecycle_transition"
    ).fetchall()
    assert len(entries) > 500
    wrong = [
        (person_id, label, score, histories[person_id].score_at(entered_at))
        for person_id, label, entered_at, score in entries
        if abs(score - histories[person_id].score_at(entered_at)) > 2e-6
    ]
    assert not wrong, wrong[:3]


def test_score_now_equals_plain_python_and_its_parts_by_rule(
    warehouse: duckdb.DuckDBPyConnection, histories: dict[str, PersonHistory]
) -> None:
    scores = warehouse.execute(
        "select person_id, score, fit_score, behaviour_score, points_now_by_rule, as_of from marts.fct_person_score"
    ).fetchall()
    for person_id, score, fit, behaviour, by_rule, as_of in scores:
        assert score == pytest.approx(histories[person_id].score_at(as_of), abs=1e-9)
        assert score == pytest.approx(fit + behaviour, abs=1e-9)
        assert score == pytest.approx(sum((by_rule or {}).values()), abs=1e-9)


def test_every_mql_by_score_had_its_points(warehouse: duckdb.DuckDBPyConnection) -> None:
    below = warehouse.execute(
        """
        select ledger.person_id, ledger.score_at_entry
        from marts.fct_lifecycle_transition as ledger
        cross join (select min_points from seeds.thresholds where stage = 'mql' and score_part = 'total') as threshold
        where ledger.signal = 'score_reached' and ledger.score_at_entry < threshold.min_points
        """
    ).fetchall()
    assert below == []


def test_the_history_of_a_score_is_that_of_each_day(home_copy: Settings, histories: dict[str, PersonHistory]) -> None:
    """The macro for analysts, asked through dbt as the how-to says, for whom was rejected and for whom was not; the last days are still to come."""
    from dbt.cli.main import dbtRunner

    rejected = sorted(person for person, history in histories.items() if history.rejections and history.points)[:3]
    others = sorted(histories.keys() - set(rejected))[:2]
    persons = [*rejected, *others, "nobody's id"]
    with duckdb.connect(str(home_copy.warehouse_path), read_only=True) as connection:
        (as_of,) = connection.execute("select as_of from ops.as_of").fetchone()
    first, last = as_of.date() - timedelta(days=200), as_of.date() + timedelta(days=5)
    question = f"{{{{ score_history({persons}, '{first}', '{last}') }}}}"
    with dbt_session(home_copy):
        result = dbtRunner().invoke(
            ["--log-level", "none", "--log-level-file", "none", "show", "--inline", question, "--limit", "-1"]
        )
    _close_warehouse()
    assert result.success, result.exception
    rows = [tuple(row) for row in result.result.results[0].agate_table.rows]
    assert len(rows) == len(persons) * ((as_of.date() - first).days + 1)
    for person, day, scored_at, behaviour, fit, total in rows:
        moment = min(datetime.combine(day, time.max), as_of)
        assert datetime.fromisoformat(str(scored_at)).replace(tzinfo=None) == moment
        assert float(total) == pytest.approx(histories[person].score_at(moment), abs=2e-6), (person, day)
        assert float(total) == pytest.approx(float(behaviour) + float(fit), abs=1e-6)
    by_person = {person: {row[-1] for row in rows if row[0] == person} for person in persons}
    assert by_person["nobody's id"] == {0}
    assert all(len(by_person[person]) > 20 for person in rejected), "scores that never move prove nothing"
