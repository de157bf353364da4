"""Gate 2 reads published tables through the same suites, and a critical failure keeps the version back."""

import json
import os
import signal
import threading

import duckdb
import pytest

from orchestration.quality.gates import audit_published


@pytest.fixture
def published(tmp_path):
    path = tmp_path / "leadrelay.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.dim_person as select 'p' || i as person_id, i as score from range(10) as t (i)"
        )
    return path


def write_suite(tmp_path, table, *expectations):
    folder = tmp_path / "marts"
    folder.mkdir(exist_ok=True)
    (folder / f"{table}.json").write_text(
        json.dumps({"name": f"marts.{table}", "expectations": list(expectations)}), encoding="utf-8"
    )
    return folder


def check(name, kind, severity="critical", **kwargs):
    return {
        "type": kind,
        "kwargs": kwargs,
        "severity": severity,
        "meta": {"name": name, "level": "table", "reason": "must hold"},
    }


def test_a_sound_version_passes_and_a_warning_does_not_hold_it(published, tmp_path):
    folder = write_suite(
        tmp_path,
        "dim_person",
        check("has_rows", "expect_table_row_count_to_be_between", min_value=1),
        check("id_is_present", "expect_column_values_to_not_be_null", column="person_id"),
        check("score_is_small", "expect_column_values_to_be_between", severity="warning", column="score", max_value=5),
        check("id_is_unique", "expect_column_values_to_be_unique", column="person_id"),
    )
    results = {result.name: result for result in audit_published(published, folder)}
    assert not any(result.is_batch_refused for result in results.values())
    assert (results["score_is_small"].is_success, results["score_is_small"].unexpected_count) == (False, 4)
    assert results["has_rows"].spec.table_name == "dim_person"


def test_a_critical_failure_refuses_with_count_and_examples(published, tmp_path):
    folder = write_suite(
        tmp_path,
        "dim_person",
        check(
            "scores_fit",
            "unexpected_rows_expectation",
            unexpected_rows_query="select person_id, score from {batch} where score > 5",
        ),
    )
    (result,) = audit_published(published, folder)
    assert result.is_batch_refused
    assert result.message == "scores_fit: 4 of 10 rows: must hold"
    assert len(result.examples) == 3


def test_a_missing_table_refuses(published, tmp_path):
    folder = write_suite(
        tmp_path, "dim_account", check("has_rows", "expect_table_row_count_to_be_between", min_value=1)
    )
    (result,) = audit_published(published, folder)
    assert result.is_batch_refused
    assert "marts.dim_account is not there" in result.message


def test_an_open_connection_stays_open_and_as_it_was(published, tmp_path):
    folder = write_suite(tmp_path, "dim_person", check("has_rows", "expect_table_row_count_to_be_between", min_value=1))
    with duckdb.connect(str(published)) as connection:
        connection.execute("create table own as select 1 as a")
        assert all(result.is_success for result in audit_published(connection, folder))
        assert connection.execute("select a from own").fetchall() == [(1,)]


def test_an_interrupt_in_the_middle_of_a_check_ends_the_gate(published, tmp_path):
    """DuckDB tells it as an error of the query, and an error of a query is asked again by Great Expectations."""
    endless = "select person_id from {batch} where 8 in (select x * x % 7 from range(2000000000) as a (x))"
    assert audit_published(
        published, write_suite(tmp_path, "dim_person", check("warm", "expect_table_row_count_to_be_between"))
    )
    folder = write_suite(
        tmp_path, "dim_person", check("long", "unexpected_rows_expectation", unexpected_rows_query=endless)
    )
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            audit_published(published, folder)
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, handler)


def test_no_suites_is_no_result(published, tmp_path):
    assert audit_published(published, tmp_path / "none") == []
