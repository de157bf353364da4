"""Great Expectations inside DuckDB, on a connection that is already open.

Great Expectations reads a cursor after duckdb-engine has moved on, so every expectation would fail with an IndexError; a listener
buffers each result at once. Its pool would hold the file open, so it gets the caller's own connection and never closes it.
Importing Great Expectations takes seconds: only `validate` does, and only the gates call it.
"""

import logging
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import duckdb
from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.engine.interfaces import DBAPICursor, ExceptionContext

from orchestration.quality.results import EXAMPLE_COUNT
from orchestration.quality.suites import Suite
from orchestration.sql import quote_identifier

Findings = dict[str, Mapping[str, Any]]


def validate(connection: duckdb.DuckDBPyConnection, suites: Mapping[str, Suite]) -> dict[str, Findings]:
    """Run suites on tables of an open connection, in one pass.

    Parameters
    ----------
    connection
        An open DuckDB connection, outside a transaction; it stays open.
    suites
        Name of a table or temporary table on the search path -> its suite.

    Returns
    -------
    dict
        Table -> check name -> that expectation's entry in Great Expectations' result JSON.
    """
    suites = {table: suite for table, suite in suites.items() if suite.expectations}
    if not suites:
        return {}
    from sqlalchemy.pool import StaticPool

    context = _context()
    buffer_results()
    shared = shared_connection(connection)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = context.data_sources.add_or_update_sql(
            name="warehouse",
            connection_string="duckdb:///:memory:",
            kwargs={"creator": lambda: shared, "poolclass": StaticPool},
        )
        engine = source.get_execution_engine().engine
        _tell_columns(engine.dialect, connection, suites)
        event.listen(engine, "handle_error", _let_interrupts_through)
        try:
            with _configured_once(), _rows_counted_only():
                return {table: _run(source, table, suite) for table, suite in suites.items()}
        finally:
            engine.dispose()
            source.get_engine().dispose()


@cache
def _context() -> Any:  # noqa: ANN401 - Great Expectations is imported where it is used
    """Return the one context of this process: making it costs as much as validating a table."""
    # No usage reporting, whatever the environment says.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
    # An ephemeral context keeps nothing, and yet writes all of its configuration as YAML for each table that it meets.
    context._save_project_config = lambda: None  # noqa: SLF001 - there is no option for it
    return context


def _run(source: Any, table: str, suite: Suite) -> Findings:  # noqa: ANN401 - see _context
    """Run one suite. It is not added to the context's stores, which would write each suite and result as YAML."""
    from great_expectations.core.expectation_suite import ExpectationSuite

    batch = (
        source.add_table_asset(name=table, table_name=table).add_batch_definition_whole_table(name="all").get_batch()
    )
    outcome = batch.validate(
        ExpectationSuite(name=suite.name, expectations=[dict(expectation) for expectation in suite.expectations]),
        result_format={"result_format": "SUMMARY", "partial_unexpected_count": EXAMPLE_COUNT},
    )
    results = [result.to_json_dict() for result in outcome.results]
    # Results come in the order in which Great Expectations evaluated them.
    return {result["expectation_config"]["meta"]["name"]: result for result in results}


@contextmanager
def _configured_once() -> Iterator[None]:
    """Let Great Expectations write down what an expectation is once, not for each of its keys anew: a third of a validation's time."""
    from great_expectations.expectations.expectation import Expectation

    known: dict[int, tuple[Any, Any]] = {}
    written: Any = Expectation.configuration

    def configuration(expectation: Any) -> Any:  # noqa: ANN401 - see _context
        # The expectation itself is kept too, so that no other one gets its number.
        if id(expectation) not in known:
            known[id(expectation)] = (expectation, written.fget(expectation))
        return known[id(expectation)][1]

    patched: Any = Expectation
    patched.configuration = property(configuration)
    try:
        yield
    finally:
        patched.configuration = written


@contextmanager
def _rows_counted_only() -> Iterator[None]:
    """Let Great Expectations count the rows of an `unexpected_rows_query` and not fetch them too: the gates read their examples themselves."""
    from great_expectations.expectations.metrics.query_metric_provider import QueryMetricProvider

    provider: Any = QueryMetricProvider
    name = "_get_sqlalchemy_records_from_substituted_batch_subquery"
    fetched = vars(provider)[name]
    setattr(provider, name, classmethod(lambda *_, **__: []))
    try:
        yield
    finally:
        setattr(provider, name, fetched)


def _tell_columns(dialect: Dialect, connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
    """Answer which columns a table has without the catalogue.

    duckdb-engine asks PostgreSQL's catalogue for each table, which is slow in DuckDB: nearly half of a gate's time. No table of ours
    has a primary key.
    """
    from sqlalchemy import types

    columns: dict[str, list[dict[str, Any]]] = {
        table: [
            {
                "name": name,
                "type": getattr(types, kind.split("(")[0], types.NullType)(),
                "nullable": True,
                "default": None,
            }
            for name, kind, *_ in connection.execute(f"describe {quote_identifier(table)}").fetchall()
        ]
        for table in tables
    }
    told: Any = dialect
    told.get_columns = lambda _, table_name, *__, **___: columns[table_name]
    told.get_pk_constraint = lambda *_, **__: {"constrained_columns": [], "name": None}


def shared_connection(connection: duckdb.DuckDBPyConnection) -> object:
    """Return a connection for SQLAlchemy's pool that is the caller's own and stays open."""
    from duckdb_engine import ConnectionWrapper

    class SharedConnection(ConnectionWrapper):  # type: ignore[misc]
        """The caller's connection; closing the pool leaves it open.

        Whoever gets it only reads, so that no statement needs a transaction of its own; some hundred cost a tenth of a gate's time.
        """

        def close(self) -> None:
            """Leave the connection to its owner."""

        def begin(self) -> None:
            """Begin nothing."""

        def commit(self) -> None:
            """Leave nothing to commit."""

        def rollback(self) -> None:
            """Leave nothing to roll back."""

    return SharedConnection(connection)


def buffer_results() -> None:
    """Let Great Expectations read each result whole, before duckdb-engine moves on."""
    if not event.contains(Engine, "after_cursor_execute", _buffer_cursor):
        event.listen(Engine, "after_cursor_execute", _buffer_cursor)


def _let_interrupts_through(context: ExceptionContext) -> None:
    """Raise an interrupt as itself: DuckDB wraps it in an error, after which Great Expectations asks its question again and goes on."""
    cause = context.original_exception.__cause__
    if cause is not None and not isinstance(cause, Exception):
        raise cause


def _buffer_cursor(connection: Connection, cursor: DBAPICursor, *arguments: object) -> None:
    from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
    from sqlalchemy.engine.default import DefaultExecutionContext

    # The listener gets statement, parameters, context and executemany after the cursor.
    context = arguments[2]
    if (
        connection.dialect.name == "duckdb"
        and isinstance(context, DefaultExecutionContext)
        and cursor.description is not None
    ):
        context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(cursor, initial_buffer=cursor.fetchall())
