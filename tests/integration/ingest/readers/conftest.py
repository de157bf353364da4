"""Real servers for the readers: PostgreSQL, an S3-compatible store and an API that misbehaves, all on loopback and started by the tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from orchestration.ingest.collect import Collected, collect_table
from orchestration.ingest.feeds import FeedBase
from orchestration.ingest.loader import LoadResult
from tests.integration.ingest.readers.postgres_server import PostgresServer, postgres

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres())
        except ModuleNotFoundError as error:
            pytest.skip(str(error))
        yield server


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[Callable[..., list[tuple]]]:
    """A database of the test's own: a function that runs statements in it."""
    name = f"crm_{len(postgres_server.databases)}"
    postgres_server.databases.append(name)
    postgres_server.run("postgres", f"create database {name}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADRELAY_TEST_CRM", postgres_server.uri(name))
        yield lambda *statements: postgres_server.run(name, *statements)
    postgres_server.run("postgres", f"drop database {name} with (force)")


@pytest.fixture
def night(bench) -> Callable[..., tuple[Collected, LoadResult]]:
    """Read one feed of a table and load what landed, as a night does."""

    def run(feed: FeedBase, table: str = "crm.leads") -> tuple[Collected, LoadResult]:
        (collected,) = collect_table(bench.settings, bench.table(table), (feed,), NOW)
        return collected, bench.load(feed, table=table)

    return run
