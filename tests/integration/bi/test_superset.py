"""Apache Superset draws from the published file what DuckDB says is in it. Minutes for its environment the first time: `make test-bi`."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from tests.integration.bi.questions import QUESTIONS

pytestmark = pytest.mark.bi


@pytest.fixture(scope="module")
def charts(superset, published):
    wanted = {
        "address": f"duckdb:///{published}?access_mode=READ_ONLY",
        "charts": {
            name: {
                "mart": question.mart,
                "columns": question.columns,
                "metric": question.metric,
                "filters": question.filters,
            }
            for name, question in QUESTIONS.items()
        },
    }
    done = superset.run([str(Path(__file__).with_name("superset_client.py"))], json.dumps(wanted))
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def told(value):
    """A cell of Superset's JSON, or of DuckDB's result, as one may be held against the other."""
    if isinstance(value, datetime | date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp() * 1000
    return value


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_chart_has_the_numbers_of_the_mart(charts, published, name):
    question = QUESTIONS[name]
    with duckdb.connect(str(published), read_only=True) as connection:
        expected = {row[:-1]: row[-1] for row in connection.execute(question.sql).fetchall()}
    drawn = {tuple(row[column] for column in question.columns): row["answer"] for row in charts[name]}
    assert len(drawn) > 1
    assert drawn == {
        tuple(map(told, key)): None if value is None else pytest.approx(float(value), rel=1e-9)
        for key, value in expected.items()
    }
