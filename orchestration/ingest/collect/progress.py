"""How far a reader has come: one small JSON file per feed, replaced as a whole.

It is written after what it speaks of has landed. A process that is killed in between reads the same rows once more, and the loader
sees that they say nothing new. Without the file everything is read again, which costs time and loses nothing.
Who may call it: the readers.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.errors import ReaderError

_VERSION = 1


class Progress:
    """The place of one feed.

    Parameters
    ----------
    path
        Where it is kept.
    asked
        What the feed asks for (table, cursor, path ...); a place that was noted for something else does not count.
    """

    def __init__(self, path: Path, asked: Mapping[str, Any]) -> None:
        self._path = path
        # As JSON gives it back, so that lists and tuples compare.
        self._asked = json.loads(json.dumps(asked, default=str))

    def read(self) -> dict[str, Any]:
        """Return what was noted; empty at the first time, and when the feed asks for something else now.

        Raises
        ------
        ReaderError
            If the file is there and cannot be read.
        """
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ReaderError(
                f"{self._path}: not readable ({error}). Remove it: everything is read again then, which loses nothing."
            ) from error
        if not isinstance(kept, dict) or kept.get("version") != _VERSION or kept.get("asked") != self._asked:
            return {}
        return dict(kept.get("place") or {})

    def write(self, place: Mapping[str, Any]) -> None:
        """Note a place, durably.

        Raises
        ------
        ReaderError
            If the file cannot be written.
        """
        temporary = self._path.with_name(f".{self._path.name}.tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # An address of a next page may tell more than others should read.
            with os.fdopen(
                os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
            ) as stream:
                json.dump({"version": _VERSION, "asked": self._asked, "place": place}, stream, indent=1)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self._path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise ReaderError(
                f"{self._path}: cannot be written ({error.strerror}). What landed stays and is read once more next time."
            ) from error
