"""One night at a time in one home: a lock that the operating system lets go of when its process ends, however it ends.

The warehouse's own lock is not enough: a night closes the file between its steps, and a second one must not slip in there.
What belongs here: holding the lock and naming its holder. Who may call it: whatever writes to the warehouse.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from orchestration.errors import WarehouseLockedError
from orchestration.ingest.warehouse import LOCK_ATTEMPTS, LOCK_PAUSE_SECONDS
from orchestration.settings import Settings

LOCK_FILE = ".night.lock"
_held: dict[Path, TextIO] = {}


@contextmanager
def only_night(
    settings: Settings, attempts: int = LOCK_ATTEMPTS, pause_seconds: float = LOCK_PAUSE_SECONDS
) -> Iterator[None]:
    """Hold the home's lock for the length of a block.

    Parameters
    ----------
    settings
        The home.
    attempts
        How often to try while another process holds it.
    pause_seconds
        Pause between two tries.

    Raises
    ------
    WarehouseLockedError
        If another process holds it after every try; names the process and since when.
    """
    is_held = settings.home in _held
    hold_night(settings, attempts, pause_seconds)
    try:
        yield
    finally:
        if not is_held:
            _held.pop(settings.home).close()


def hold_night(settings: Settings, attempts: int = LOCK_ATTEMPTS, pause_seconds: float = LOCK_PAUSE_SECONDS) -> None:
    """Hold the home's lock until this process ends; nothing happens when it holds it already.

    Raises
    ------
    WarehouseLockedError
        If another process holds it after every try.
    """
    if settings.home in _held:
        return
    settings.home.mkdir(parents=True, exist_ok=True)
    lock = (settings.home / LOCK_FILE).open("a+", encoding="ascii")
    for attempt in range(1, attempts + 1):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if attempt == attempts:
                lock.seek(0)
                holder = lock.read().strip() or "another process"
                lock.close()
                raise WarehouseLockedError(
                    f"{settings.home}: in the hands of {holder}. One night at a time: nothing was changed here; wait for it to end."
                ) from error
            time.sleep(pause_seconds)
        else:
            break
    lock.truncate(0)
    lock.write(f"process {os.getpid()} since {datetime.now(tz=UTC):%Y-%m-%d %H:%M:%S} UTC")
    lock.flush()
    _held[settings.home] = lock
    # Nobody else is at work here, so these are what a killed one left.
    for left_over in settings.home.glob(".load-*"):
        shutil.rmtree(left_over, ignore_errors=True)
