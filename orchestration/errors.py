"""Errors that a person can act on, and the exit codes that go with them.

Every message says what failed, where (file, row, key), what is kept safe and what to do next.
The command line prints the message alone; anything that is not a `LeadrelayError` is a bug and keeps its traceback.
"""

import re
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells the scheduler."""

    OK = 0
    ERROR = 1
    USAGE = 2
    PUBLISHED_STALE = 3
    NOT_PUBLISHED = 4
    # As shells count it: 128 and the number of SIGINT.
    INTERRUPTED = 130


class LeadrelayError(Exception):
    """Base of all errors whose message is meant for the person at the keyboard."""

    exit_code: ExitCode = ExitCode.ERROR


class ConfigError(LeadrelayError):
    """A configuration file names something that does not exist or cannot be read."""

    exit_code = ExitCode.USAGE


class LandingError(LeadrelayError):
    """A landed file cannot be taken in; it stays where it is."""


class ReaderError(LeadrelayError):
    """An outside system could not be read to the end; what has landed stays, and the next run goes on from there."""


class WarehouseLockedError(LeadrelayError):
    """Another process holds the warehouse file."""


class PublishError(LeadrelayError):
    """The new version was not published; the one before it stands."""

    exit_code = ExitCode.NOT_PUBLISHED


class NothingPublishedError(PublishError):
    """No night has published in this home yet; no night failed either."""

    exit_code = ExitCode.ERROR


class StorageError(LeadrelayError):
    """The disk is full, read-only or closed to this user; what was published before stands."""

    exit_code = ExitCode.NOT_PUBLISHED


_STORAGE = re.compile(
    r"no space left|file too large|disk quota|disk is full|disk i/o error|read-only file system|readonly database|failed to offload|permission denied",
    re.IGNORECASE,
)
_WHAT_TO_DO = {
    "disk i/o error": "free some space, or look at the disk itself",
    "read-only file system": "make it writable",
    "readonly database": "make it writable",
    "permission denied": "give this user the right to write there",
}


def storage_problem(text: str) -> str | None:
    """Return what a disk's refusal means for a person, or None when a text tells of none.

    Parameters
    ----------
    text
        An error's message, of Python, DuckDB or SQLite.
    """
    found = _STORAGE.search(text)
    if found is None:
        return None
    line = next(line for line in text.splitlines() if _STORAGE.search(line)).strip()
    remedy = _WHAT_TO_DO.get(found[0].lower(), "free some space")
    return (
        f"the disk refused to be written ({line[:300]}). What was loaded before is kept, what is published stands. "
        f"Next: {remedy}, then: leadrelay run"
    )


def first_line(error: Exception) -> str:
    """Return the first line of a library's message that says something, or the error's kind when none does."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
