"""Who may read what a home holds: the owner alone, but for the published files, which are there to be read.

Everything is made closed and the few open things are opened by name, so that a file that nobody thought of is closed as well.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from orchestration.settings import Settings

_OTHERS = 0o007
_EVERYBODY_ELSE = 0o077
# May be entered on the way to published/, and not listed.
_PASSAGE = 0o711
# A company's exports may be dropped into landing by another user of the same group.
_CLOSED_FOLDERS = ("activation", "landing", "readers", "dagster", "dbt", "seeds", "truth", "forgotten")
_CLOSED_FILES = ("warehouse.duckdb", "commands.jsonl", "alerts.json", "hmac.key")


@contextmanager
def closed_by_default() -> Iterator[None]:
    """Make every new file and folder the owner's alone while the block runs; what is to be read by others is opened by name."""
    before = os.umask(_EVERYBODY_ELSE)
    try:
        yield
    finally:
        os.umask(before)


def close_home(settings: Settings) -> None:
    """Take from others what an older version, or an editor, left open in a home.

    Parameters
    ----------
    settings
        The home; made when it is missing. What belongs to another user is left as it is.
    """
    if not settings.home.exists():
        settings.home.mkdir(parents=True)
        settings.home.chmod(_PASSAGE)
    for names, taken in ((_CLOSED_FOLDERS, _OTHERS), (_CLOSED_FILES, _EVERYBODY_ELSE)):
        for name in names:
            path = settings.home / name
            with suppress(FileNotFoundError, PermissionError):
                mode = path.stat().st_mode & 0o777
                if mode & taken and not path.is_symlink():
                    path.chmod(mode & ~taken)
