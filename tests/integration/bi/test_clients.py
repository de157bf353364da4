"""Everyday clients read the published file: the `duckdb` command, ADBC, a pool of SQLAlchemy connections, Parquet for all others."""

import csv
import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
import sqlalchemy

from tests.integration.bi.questions import QUESTIONS


@pytest.fixture(scope="module")
def expected(published):
    with duckdb.connect(str(published), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return {name: connection.execute(question.sql).fetchall() for name, question in QUESTIONS.items()}


def same(rows, expected):
    def row_text(row):
        return tuple(
            "" if value is None else f"{value:.9g}" if isinstance(value, float) else str(value) for value in row
        )

    return sorted(map(row_text, rows)) == sorted(map(row_text, expected))


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_duckdb_command_reads_it(published, expected, name):
    command = Path(sys.executable).with_name("duckdb")
    done = subprocess.run(
        [str(command), "-readonly", "-csv", "-nullvalue", "", str(published), QUESTIONS[name].sql],
        capture_output=True,
        text=True,
        check=True,
    )
    told = list(csv.reader(io.StringIO(done.stdout)))[1:]
    kinds = [
        float if any(isinstance(value, float) for value in column) else str
        for column in zip(*expected[name], strict=True)
    ]
    rows = [
        tuple(float(cell) if kind is float and cell else cell or None for cell, kind in zip(row, kinds, strict=True))
        for row in told
    ]
    assert len(rows) > 1
    assert same(rows, expected[name])


def test_the_duckdb_command_cannot_write_to_it(published):
    command = Path(sys.executable).with_name("duckdb")
    done = subprocess.run(
        [str(command), "-readonly", str(published), "drop table marts.dim_stage"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "read-only" in done.stderr


@pytest.mark.parametrize("name", QUESTIONS)
def test_adbc_reads_it(published, expected, name):
    """Any language with an ADBC driver manager loads this library: R, Go, Java, Rust, C#."""
    import _duckdb
    from adbc_driver_manager import dbapi

    options = {"path": str(published), "access_mode": "read_only"}
    with (
        dbapi.connect(
            driver=_duckdb.__file__, entrypoint="duckdb_adbc_init", db_kwargs=options, autocommit=True
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(QUESTIONS[name].sql)
        rows = cursor.fetchall()
    assert len(rows) > 1
    assert same(rows, expected[name])


def test_a_pool_of_sqlalchemy_connections_reads_it_from_many_threads(published, expected):
    engine = sqlalchemy.create_engine(
        f"duckdb:///{published}?access_mode=READ_ONLY", poolclass=sqlalchemy.QueuePool, pool_size=4, pool_recycle=60
    )

    def ask(name):
        with engine.connect() as connection:
            return name, [tuple(row) for row in connection.execute(sqlalchemy.text(QUESTIONS[name].sql))]

    try:
        with ThreadPoolExecutor(max_workers=4) as pool:
            answers = list(pool.map(ask, [*QUESTIONS] * 4))
    finally:
        engine.dispose()
    assert len(answers) == 4 * len(QUESTIONS)
    assert all(same(rows, expected[name]) for name, rows in answers)


def test_parquet_for_tools_that_cannot_open_the_file_holds_the_same_rows(published, expected, tmp_path):
    """The command of docs/how-to/connect-power-bi-and-excel.md, word by word but for the folder."""
    with duckdb.connect(str(published), read_only=True) as connection:
        for question in QUESTIONS.values():
            target = tmp_path / f"{question.mart}.parquet"
            connection.execute(f"copy marts.{question.mart} to '{target}' (format parquet)")
    with duckdb.connect() as other:
        for name, question in QUESTIONS.items():
            source = f"read_parquet('{tmp_path / question.mart}.parquet')"
            assert same(
                other.execute(question.sql.replace(f"marts.{question.mart}", source)).fetchall(), expected[name]
            )
