"""A row-level expectation quarantines exactly the rows that Great Expectations would count."""

import json

import duckdb
import pytest

from orchestration.quality.rowlevel import apply_row_rules, row_rules
from orchestration.quality.suites import load_suite

ROWS = "(1, 5, 'x', date '2026-01-01', date '2026-01-02'), (2, -1, 'y', date '2026-01-03', date '2026-01-02'), (3, null, null, null, null)"


@pytest.fixture
def connection():
    with duckdb.connect(":memory:") as opened:
        opened.execute(
            "create table batch as select *, true as _is_readable, cast([] as varchar[]) as _reasons "
            f"from (values {ROWS}) as v (_batch_row, amount, word, opened, closed)"
        )
        yield opened


def failing(connection, tmp_path, kind, kwargs, severity="critical", **meta):
    entry = {
        "type": kind,
        "kwargs": kwargs,
        "severity": severity,
        "meta": {"name": "check", "level": "row", "reason": "is wrong", **meta},
    }
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"name": "t", "expectations": [entry]}), encoding="utf-8")
    apply_row_rules(connection, "batch", row_rules(load_suite(path, "t"), "batch"))
    return dict(
        connection.execute("select _batch_row, _reasons from batch where len(_reasons) > 0 order by 1").fetchall()
    )


@pytest.mark.parametrize(
    ("kind", "kwargs", "rows"),
    [
        ("expect_column_values_to_not_be_null", {"column": "amount"}, [3]),
        ("expect_column_values_to_be_between", {"column": "amount", "min_value": 0}, [2]),
        ("expect_column_values_to_be_between", {"column": "amount", "max_value": 5, "strict_max": True}, [1]),
        ("expect_column_values_to_be_between", {"column": "opened", "min_value": "2026-01-02"}, [1]),
        ("expect_column_values_to_be_in_set", {"column": "word", "value_set": ["x"]}, [2]),
        ("expect_column_values_to_not_be_in_set", {"column": "word", "value_set": ["x"]}, [1]),
        ("expect_column_value_lengths_to_be_between", {"column": "word", "min_value": 2}, [1, 2]),
        ("expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "closed", "column_B": "opened"}, [2]),
        (
            "unexpected_rows_expectation",
            {"unexpected_rows_query": "select _batch_row from {batch} where regexp_matches(word, '^y{{1}}$')"},
            [2],
        ),
    ],
)
def test_each_expectation_finds_its_rows_and_spares_nulls(connection, tmp_path, kind, kwargs, rows):
    assert list(failing(connection, tmp_path, kind, kwargs)) == rows


def test_the_reason_names_column_and_value(connection, tmp_path):
    found = failing(connection, tmp_path, "expect_column_values_to_be_between", {"column": "amount", "min_value": 0})
    assert found == {2: ["amount: is wrong (-1)"]}


def test_warnings_move_no_row(connection, tmp_path):
    assert (
        failing(connection, tmp_path, "expect_column_values_to_not_be_null", {"column": "amount"}, severity="warning")
        == {}
    )


def test_a_column_that_has_its_reason_gets_no_second_one(connection, tmp_path):
    connection.execute("update batch set _reasons = ['amount: not a BIGINT: x'] where _batch_row = 3")
    found = failing(connection, tmp_path, "expect_column_values_to_not_be_null", {"column": "amount"})
    assert found == {3: ["amount: not a BIGINT: x"]}
