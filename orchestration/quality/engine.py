"""Great Expectations inside DuckDB, on a connection that is already open.

Great Expectations reads a cursor after duckdb-engine has moved on, so every expectation would fail with an IndexError; a listener
buffers each result at once. Its pool would hold the file open, so it gets the caller's own connection and never closes it.
Importing Great Expectations takes seconds: only `validate` does, and only the gates call it.
"""

import logging
import os
import warnings
from collections.abc import Mapping
from typing import Any

import duckdb
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPICursor

from orchestration.quality.results import EXAMPLE_COUNT
from orchestration.quality.suites import Suite


def validate(connection: duckdb.DuckDBPyConnection, table: str, suite: Suite) -> dict[str, Mapping[str, Any]]:
    """Run a suite on a table of an open connection.

    Parameters
    ----------
    connection
        An open DuckDB connection, outside a transaction; it stays open.
    table
        Name of a table or temporary table on the search path.
    suite
        The suite.

    Returns
    -------
    dict
        Check name -> that expectation's entry in Great Expectations' result JSON.
    """
    # No usage reporting, whatever the environment says.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.core.expectation_suite import ExpectationSuite
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from sqlalchemy.pool import StaticPool

    _buffer_results()
    shared = _shared(connection)
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        source = context.data_sources.add_sql(
            name="warehouse",
            connection_string="duckdb:///:memory:",
            kwargs={"creator": lambda: shared, "poolclass": StaticPool},
        )
        try:
            batch = source.add_table_asset(name=table, table_name=table).add_batch_definition_whole_table(name="all")
            loaded = context.suites.add(
                ExpectationSuite(name=suite.name, expectations=[dict(e) for e in suite.expectations])
            )
            definition = context.validation_definitions.add(
                gx.ValidationDefinition(name=suite.name, data=batch, suite=loaded)
            )
            outcome = definition.run(
                result_format={"result_format": "SUMMARY", "partial_unexpected_count": EXAMPLE_COUNT}
            )
            results = [result.to_json_dict() for result in outcome.results]
        finally:
            source.get_execution_engine().engine.dispose()
            source.get_engine().dispose()
    # Results come in the order in which Great Expectations evaluated them.
    return {result["expectation_config"]["meta"]["name"]: result for result in results}


def _shared(connection: duckdb.DuckDBPyConnection) -> object:
    from duckdb_engine import ConnectionWrapper

    class SharedConnection(ConnectionWrapper):  # type: ignore[misc]
        """The caller's connection; closing the pool leaves it open."""

        def close(self) -> None:
            """Leave the connection to its owner."""

    return SharedConnection(connection)


def _buffer_results() -> None:
    if not event.contains(Engine, "after_cursor_execute", _buffer_cursor):
        event.listen(Engine, "after_cursor_execute", _buffer_cursor)


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
