"""Who ran what: one line per command that changes something or shows personal data, in ``LEADRELAY_HOME/commands.jsonl``.

A line holds the operating system's user, the moment, the command, those of its options that can name nobody, and how it ended. It is
written when the command begins and again when it ends, so that a killed one shows. A night copies the lines into ``ops.commands``.
What does not belong here: what people decided (``ops.identity_acceptances``), and Dagster's own history of runs.
"""

import getpass
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import duckdb

from orchestration.errors import ExitCode
from orchestration.ingest.warehouse import OPS_TABLES
from orchestration.settings import Settings
from orchestration.sql import quote_literal

FILE_NAME = "commands.jsonl"
# Command -> options that are noted; every other one may name a person or hold a text of somebody's.
_NOTED: Mapping[str, frozenset[str]] = {
    "run": frozenset({"as_of", "rebuild"}),
    "sample": frozenset({"people", "days", "seed", "format"}),
    "reload": frozenset({"pattern"}),
    "quarantine replay": frozenset({"table"}),
    "quarantine show": frozenset({"table"}),
    "quarantine export": frozenset({"table"}),
    "quarantine fix": frozenset({"table"}),
    "quality propose": frozenset({"table"}),
    "report": frozenset({"version"}),
    "rollback": frozenset({"version"}),
    "identity accept": frozenset(),
    "identity show": frozenset(),
    "identity train": frozenset(),
    "score train": frozenset(),
    "activate": frozenset({"audience", "list"}),
    "explain": frozenset({"json"}),
    "dashboard": frozenset({"without_people"}),
    "forget": frozenset({"sweep", "yes"}),
    "retention": frozenset({"yes"}),
    "schedule": frozenset(),
}
_OUTCOMES: Mapping[int, str] = {
    ExitCode.OK: "ok",
    ExitCode.ERROR: "error",
    ExitCode.USAGE: "usage",
    ExitCode.PUBLISHED_STALE: "published_stale",
    ExitCode.NOT_PUBLISHED: "not_published",
    ExitCode.INTERRUPTED: "interrupted",
}
STARTED = "started"
# As `orchestration.operate.modes` has it: others may pass to published/.
_PASSAGE = 0o711


@dataclass
class Entry:
    """One command while it runs; whoever runs it sets the exit code."""

    exit_code: int = ExitCode.ERROR


def command_name(arguments: Sequence[str]) -> str | None:
    """Return the audited command of a command line, or None when it is none that is noted."""
    words = [argument for argument in arguments if not argument.startswith("-")]
    return next((name for name in (" ".join(words[:2]), " ".join(words[:1])) if name in _NOTED), None)


@contextmanager
def audited(settings: Settings, name: str | None, options: Mapping[str, object]) -> Iterator[Entry]:
    """Note that a command begins and how it ended.

    Parameters
    ----------
    settings
        The home to note it in.
    name
        From `command_name`; None notes nothing.
    options
        The parsed options; only those that can name nobody are kept.

    Yields
    ------
    Entry
        Its exit code is what counts as the end; an error that leaves the block counts as an error.
    """
    entry = Entry()
    if name is None:
        yield entry
        return
    kept = {key: value for key, value in sorted(options.items()) if key in _NOTED[name] and value not in (None, False)}
    line = {
        "command_id": uuid4().hex,
        "command": name,
        "options": json.dumps(kept, default=str, ensure_ascii=False),
        "os_user": _user(),
        "outcome": STARTED,
        "exit_code": None,
        "process_id": os.getpid(),
        "started_at": _now(),
        "ended_at": None,
    }
    _append(settings.home, line)
    try:
        yield entry
    finally:
        _append(
            settings.home,
            {
                **line,
                "outcome": _OUTCOMES.get(entry.exit_code, "error"),
                "exit_code": int(entry.exit_code),
                "ended_at": _now(),
            },
        )


def copy_commands(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Make ``ops.commands`` what the file says: the last line of each command.

    Parameters
    ----------
    connection
        The warehouse, prepared.
    settings
        The home.
    """
    path = settings.home / FILE_NAME
    connection.execute("delete from ops.commands")
    if not path.exists():
        return
    columns = ", ".join(f"{quote_literal(name)}: {quote_literal(kind)}" for name, kind in OPS_TABLES["commands"])
    connection.execute(
        f"insert into ops.commands by name select {', '.join(name for name, _ in OPS_TABLES['commands'])} from (select *, row_number() over () as line_number from "
        f"read_json({quote_literal(str(path))}, format = 'newline_delimited', columns = {{{columns}}}, ignore_errors = true)) "
        "where command_id is not null qualify row_number() over (partition by command_id order by line_number desc) = 1"
    )


def drop_commands_before(settings: Settings, moment: datetime) -> int:
    """Take lines that are older than a moment (UTC) out of the file, and return how many."""
    path = settings.home / FILE_NAME
    if not path.exists():
        return 0
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    limit = moment.astimezone(UTC).isoformat(timespec="seconds")[:19]
    kept = [line for line in lines if str(json.loads(line)["started_at"]) >= limit]
    if len(kept) < len(lines):
        temporary = path.with_name(f".{FILE_NAME}.tmp")
        with os.fdopen(
            os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as stream:
            stream.writelines(kept)
        temporary.replace(path)
    return len(lines) - len(kept)


def _append(home: Path, line: Mapping[str, object]) -> None:
    try:
        if not home.exists():
            home.mkdir(mode=_PASSAGE, parents=True)
            home.chmod(_PASSAGE)
        descriptor = os.open(home / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            # One write of one line: two processes that append do not mix theirs.
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
    except OSError as error:
        print(f"leadrelay: {home / FILE_NAME}: who ran what is not noted ({error.strerror})", file=sys.stderr)  # noqa: T201


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A container may run under a number that has no name.
        return str(os.getuid())


def _now() -> str:
    return datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
