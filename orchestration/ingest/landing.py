"""Landing: immutable files, each with a sidecar that says when it arrived.

What belongs here: finding files, copying them in from outside, writing a sidecar once, refusing what is no plain file.
What does not: reading what is in them (`orchestration.ingest.reader`).
Layout: ``landing/<source>/<table>/<arrival date>/<file>`` beside ``<file>.arrival.json``.
"""

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from orchestration.errors import LandingError
from orchestration.ingest.contract import ContractTable
from orchestration.ingest.feeds import Feed, FeedBase

SIDECAR_SUFFIX = ".arrival.json"
# Begins the names of files of corrected rows (`correction`).
CORRECTION_PREFIX = "corrected-by-hand-"
# Names that writers use for a file that is not finished.
UNFINISHED_SUFFIXES = (".part", ".tmp", ".partial", ".crdownload", SIDECAR_SUFFIX)
CHUNK_BYTES = 1 << 20
# In a sidecar: checksums of the content that a file had before somebody was taken out of it.
LANDED_AS = "landed_as"
_DISK_ERRORS = frozenset({errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EPERM, errno.EROFS})


@dataclass(frozen=True)
class LandedFile:
    """One landed file and what its sidecar says.

    Parameters
    ----------
    path
        Absolute path below landing.
    relative_path
        The same, relative to landing, with ``/``.
    feed
        The feed that reads it.
    arrived_at
        When it landed, UTC without zone.
    load_sequence
        Position in arrival order over all of landing, from 1.
    sha256
        Checksum of the bytes as they landed.
    source_system
        The system its rows come from.
    is_read
        Whether a reader made it. Its content may be that of an older file (a value set back), and is loaded all the same.
    corrects
        Rows in quarantine that it takes the place of: path of their file -> numbers of the rows.
    """

    path: Path
    relative_path: str
    feed: FeedBase
    arrived_at: datetime
    load_sequence: int
    sha256: str
    source_system: str
    is_read: bool = False
    corrects: Mapping[str, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class PendingFiles:
    """What one table has to load.

    Parameters
    ----------
    files
        New files in arrival order.
    problems
        Paths that are never read, each with the reason.
    unsettled
        Files that are still being written; the next run takes them.
    """

    files: tuple[LandedFile, ...] = ()
    problems: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Candidate:
    path: Path
    relative_path: str
    sidecar: dict[str, Any] | None


def find_pending(
    landing_dir: Path,
    table: ContractTable,
    feeds: Iterable[FeedBase],
    known_paths: frozenset[str],
    known_checksums: frozenset[str],
    settle_seconds: float = 1.0,
    now: datetime | None = None,
) -> PendingFiles:
    """Find a table's files that have not been loaded, and write the sidecars that are missing.

    Parameters
    ----------
    landing_dir
        The landing folder.
    table
        The contract's table.
    feeds
        Its feeds, in order.
    known_paths
        Relative paths that have been loaded; they are not looked at again.
    known_checksums
        Contents that have been loaded into this table; a new file with one of them is nothing new.
    settle_seconds
        A file without sidecar must not have changed for so long; the younger ones are waited for once.
    now
        Arrival of files without sidecar, UTC; default the clock.

    Returns
    -------
    PendingFiles
        Files in order of load sequence, contents unique.

    Raises
    ------
    LandingError
        If a sidecar cannot be read or written, or a landed file is not what its sidecar says.
    """
    feeds = tuple(feeds)
    problems: list[str] = []
    unsettled: list[str] = []
    _copy_in(landing_dir, table, feeds, problems, now)
    candidates = [
        candidate for candidate in _walk(landing_dir, table, problems) if candidate.relative_path not in known_paths
    ]
    claimed: list[tuple[_Candidate, FeedBase]] = []
    for candidate in candidates:
        feed = _claim(candidate, feeds)
        if feed is None:
            problems.append(
                f"{candidate.relative_path}: no feed of {table.full_name} in sources.yml takes this file; it is not read"
            )
        else:
            claimed.append((candidate, feed))
    fresh = [candidate for candidate, _ in claimed if candidate.sidecar is None]
    seen = _seen_until_settled([candidate.path for candidate in fresh], settle_seconds)
    highest, newest = _newest_arrival(landing_dir) if fresh else (0, "")
    next_sequence = highest + 1
    arrived_at = max(_timestamp(now or datetime.now(tz=UTC)), newest)
    files: list[LandedFile] = []
    for candidate, feed in sorted(
        claimed, key=lambda pair: (pair[0].sidecar is None, _sequence(pair[0]), pair[0].relative_path)
    ):
        sidecar = candidate.sidecar
        if sidecar is None:
            checksum = _settled_checksum(candidate.path, seen[candidate.path], settle_seconds)
            if checksum is None:
                unsettled.append(candidate.relative_path)
                continue
            sidecar = {
                "arrived_at": arrived_at,
                "load_sequence": next_sequence,
                "sha256": checksum,
                "source_system": feed.system,
            }
            write_sidecar(candidate.path, sidecar)
            next_sequence += 1
        files.append(_landed(candidate, feed, sidecar))
    return PendingFiles(
        files=tuple(_unique_contents(files, known_checksums)), problems=tuple(problems), unsettled=tuple(unsettled)
    )


class Arrivals:
    """Where a reader's files land: each appears whole, under a name that nothing else has, with its sidecar beside it.

    Parameters
    ----------
    landing_dir
        The landing folder.
    table
        The contract's table that the files belong to.
    system
        The system that the rows come from.
    now
        Arrival of the files, with zone; default the clock when each lands.
    """

    def __init__(self, landing_dir: Path, table: ContractTable, system: str, now: datetime | None = None) -> None:
        self._landing_dir = landing_dir
        self._root = landing_dir / table.source / table.name
        self._system = system
        self._now = now
        self._sequence: int | None = None
        self._newest = ""

    @contextmanager
    def temporary(self) -> Iterator[Path]:
        """Give a path to write to; what was not landed from there is removed.

        Raises
        ------
        LandingError
            If landing cannot be written, or is full.
        """
        path = self._root / f".reading-{os.getpid()}-{uuid4().hex}.tmp"
        try:
            for folder in (self._root.parent, self._root):
                if folder.is_symlink():
                    raise LandingError(
                        f"{folder}: a symbolic link; landing holds plain folders only. Nothing was read."
                    )
            self._root.mkdir(parents=True, exist_ok=True)
            for left_over in self._root.glob(".reading-*.tmp"):
                left_over.unlink()
            yield path
        except OSError as error:
            if error.errno not in _DISK_ERRORS:
                raise
            raise LandingError(
                f"{self._root}: cannot be written ({error.strerror}). What landed before stays; the next run goes on from there."
            ) from error
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def land(self, temporary: Path, name: Callable[[int], str], facts: Mapping[str, Any] | None = None) -> str:
        """Move a finished file into landing and state its arrival.

        Parameters
        ----------
        temporary
            The file, from `temporary`.
        name
            Gives the file's name from its load sequence.
        facts
            More for the sidecar.

        Returns
        -------
        str
            Path relative to landing.

        Raises
        ------
        LandingError
            If landing cannot be written.
        """
        moment = self._now or datetime.now(tz=UTC)
        folder = self._root / moment.astimezone(UTC).strftime("%Y-%m-%d")
        if self._sequence is None:
            self._sequence, self._newest = _newest_arrival(self._landing_dir)
        sequence = self._sequence + 1
        try:
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / name(sequence)
            while target.exists() or target.with_name(target.name + SIDECAR_SUFFIX).exists():
                sequence += 1
                target = folder / name(sequence)
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            digest, _ = checksum(temporary)
            sidecar = {
                "arrived_at": max(_timestamp(moment), self._newest),
                "load_sequence": sequence,
                "sha256": digest,
                "source_system": self._system,
                "is_read": True,
                **(facts or {}),
            }
            # First the sidecar: a file that a killed process left without one would count as younger than what is read after it.
            write_sidecar(target, sidecar)
            self._sequence = sequence
            temporary.rename(target)
            _fsync_folder(folder)
        except OSError as error:
            raise LandingError(
                f"{folder}: cannot be written ({error.strerror}). What landed before stays; the next run goes on from there."
            ) from error
        return target.relative_to(self._landing_dir).as_posix()


def landed_by(landing_dir: Path, table: ContractTable, feed: FeedBase) -> list[Path]:
    """Return the files of one feed that are in landing, in load order.

    Parameters
    ----------
    landing_dir
        The landing folder.
    table
        The contract's table.
    feed
        The feed whose pattern and system the files must match.
    """
    found = [
        candidate
        for candidate in _walk(landing_dir, table, [])
        if candidate.sidecar is not None
        and feed.takes(candidate.path.name)
        and candidate.sidecar["source_system"] == feed.system
    ]
    return [candidate.path for candidate in sorted(found, key=_sequence)]


def landed_files(
    landing_dir: Path, table: ContractTable, feeds: Iterable[FeedBase]
) -> Iterator[tuple[Path, LandedFile | None]]:
    """Return every plain file of a table in landing, loaded or not, with what its sidecar and feed say of it.

    Parameters
    ----------
    landing_dir
        The landing folder.
    table
        The contract's table.
    feeds
        Its feeds, in order.

    Yields
    ------
    tuple
        The path, and the file as a reader takes it; None for the latter when no feed takes it.
    """
    feeds = tuple(feeds)
    for candidate in list(_walk(landing_dir, table, [])):
        feed = _claim(candidate, feeds)
        sidecar = candidate.sidecar or {"arrived_at": "1970-01-01", "load_sequence": 0, "sha256": ""}
        yield candidate.path, None if feed is None else _landed(candidate, feed, sidecar)


def replace_sidecar(path: Path, before: str, after: str, facts: Mapping[str, object]) -> None:
    """Say in a sidecar that a file was written anew; arrival and load sequence stay. A file without a sidecar gets none.

    Parameters
    ----------
    path
        The landed file.
    before, after
        Its checksums.
    facts
        What else is to be noted.
    """
    sidecar = read_sidecar(path)
    if sidecar is None:
        return
    landed = [str(one) for one in sidecar.get(LANDED_AS, [])]
    content = {**sidecar, **facts, "sha256": after, LANDED_AS: [*landed, *({before} - {*landed})]}
    target = path.with_name(path.name + SIDECAR_SUFFIX)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{SIDECAR_SUFFIX}.tmp")
    with temporary.open("w", encoding="utf-8") as stream:
        json.dump(content, stream)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(target)
    _fsync_folder(path.parent)


def write_sidecar(path: Path, sidecar: dict[str, Any]) -> None:
    """Write ``<file>.arrival.json`` beside a landed file, once and durably.

    Parameters
    ----------
    path
        The landed file.
    sidecar
        ``arrived_at`` (ISO 8601, UTC), ``load_sequence``, ``sha256``, ``source_system``.

    Raises
    ------
    LandingError
        If there is one already, or landing cannot be written.
    """
    target = path.with_name(path.name + SIDECAR_SUFFIX)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{SIDECAR_SUFFIX}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            json.dump(sidecar, stream)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        # A link, unlike a rename, never replaces what another process wrote first.
        os.link(temporary, target)
        _fsync_folder(path.parent)
    except FileExistsError as error:
        raise LandingError(f"{target}: already written; arrival is stated once and never changed.") from error
    except OSError as error:
        raise LandingError(
            f"{target}: cannot be written ({error.strerror}); nothing was loaded from {path.name}."
        ) from error
    finally:
        # A read-only file system refuses this too, and its own message is not the one to tell.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_sidecar(path: Path) -> dict[str, Any] | None:
    """Return what the sidecar of a landed file says, or None when it has none.

    Raises
    ------
    LandingError
        If the sidecar is there but not readable, or incomplete.
    """
    target = path.with_name(path.name + SIDECAR_SUFFIX)
    try:
        sidecar = json.loads(target.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise LandingError(f"{target}: not readable as JSON ({error}). Restore it from a backup of landing.") from error
    missing = {"arrived_at", "load_sequence", "sha256", "source_system"} - set(
        sidecar if isinstance(sidecar, dict) else ()
    )
    if missing:
        raise LandingError(
            f"{target}: lacks {', '.join(sorted(missing))}. Restore it, or remove it to state a new arrival."
        )
    return dict(sidecar)


def checksum(path: Path) -> tuple[str, int]:
    """Return the SHA-256 of a file's bytes and how many there were."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def _walk(landing_dir: Path, table: ContractTable, problems: list[str]) -> Iterator[_Candidate]:
    root = landing_dir / table.source / table.name
    for folder in (root.parent, root):
        if folder.is_symlink():
            problems.append(f"{folder.relative_to(landing_dir)}: a symbolic link; landing holds plain folders only")
            return
    if not root.is_dir():
        return
    for day in sorted(os.scandir(root), key=lambda entry: entry.name):
        relative_day = f"{table.source}/{table.name}/{day.name}"
        if day.is_symlink():
            problems.append(f"{relative_day}: a symbolic link out of landing is not followed")
        elif day.is_dir():
            yield from _walk_day(Path(day.path), relative_day, problems)
        elif not day.name.startswith("."):
            problems.append(f"{relative_day}: a file beside the arrival folders; move it into one of them")


def _walk_day(folder: Path, relative_day: str, problems: list[str]) -> Iterator[_Candidate]:
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    sidecars = {entry.name for entry in entries if entry.name.endswith(SIDECAR_SUFFIX)}
    for entry in entries:
        if entry.name.startswith(".") or entry.name.endswith(UNFINISHED_SUFFIXES):
            continue
        relative = f"{relative_day}/{entry.name}"
        if entry.is_symlink():
            problems.append(f"{relative}: a symbolic link is not followed; copy the file into landing")
        elif not entry.is_file():
            problems.append(f"{relative}: a folder (or device) with a file's name is not read; move its files up")
        else:
            path = Path(entry.path)
            has_sidecar = entry.name + SIDECAR_SUFFIX in sidecars
            yield _Candidate(path=path, relative_path=relative, sidecar=read_sidecar(path) if has_sidecar else None)


def correction_feed(feed: FeedBase) -> FeedBase:
    """Return a feed that reads corrected rows: mapped as the feed's own files are, and JSON lines whatever those are."""
    options = feed.options.model_copy(update={"encoding": "utf-8", "compression": "none"})
    return Feed(
        system=feed.system,
        files=f"{CORRECTION_PREFIX}*",
        format="jsonl",
        options=options,
        columns=feed.columns,
        arrival=feed.arrival,
    )


def _claim(candidate: _Candidate, feeds: tuple[FeedBase, ...]) -> FeedBase | None:
    if candidate.sidecar is not None and "corrects" in candidate.sidecar:
        of_system = [feed for feed in feeds if feed.system == candidate.sidecar["source_system"]]
        same = [feed for feed in of_system if feed.pattern == candidate.sidecar.get("feed")]
        return correction_feed((same or of_system)[0]) if of_system else None
    matching = [feed for feed in feeds if feed.takes(candidate.path.name)]
    if candidate.sidecar is not None:
        matching = [feed for feed in matching if feed.system == candidate.sidecar["source_system"]]
    return matching[0] if matching else None


def _landed(candidate: _Candidate, feed: FeedBase, sidecar: dict[str, Any]) -> LandedFile:
    try:
        arrived_at = datetime.fromisoformat(str(sidecar["arrived_at"]))
        if arrived_at.tzinfo is not None:
            arrived_at = arrived_at.astimezone(UTC).replace(tzinfo=None)
        return LandedFile(
            path=candidate.path,
            relative_path=candidate.relative_path,
            feed=feed,
            arrived_at=arrived_at,
            load_sequence=int(sidecar["load_sequence"]),
            sha256=str(sidecar["sha256"]),
            source_system=feed.system,
            is_read=bool(sidecar.get("is_read", False)),
            corrects=sidecar.get("corrects", {}),
        )
    except ValueError as error:
        raise LandingError(
            f"{candidate.relative_path}{SIDECAR_SUFFIX}: {error}. Restore it from a backup of landing."
        ) from error


def _sequence(candidate: _Candidate) -> int:
    return int(candidate.sidecar["load_sequence"]) if candidate.sidecar else 0


def _unique_contents(files: list[LandedFile], known_checksums: frozenset[str]) -> Iterator[LandedFile]:
    seen = set(known_checksums)
    for file in files:
        if file.is_read or file.sha256 not in seen:
            seen.add(file.sha256)
            yield file


def _newest_arrival(landing_dir: Path) -> tuple[int, str]:
    """Return the highest load sequence, and the newest arrival before which nothing lands later: a clock may be set back."""
    highest, newest = 0, ""
    for target in landing_dir.glob(f"*/*/*/*{SIDECAR_SUFFIX}"):
        if target.is_symlink() or target.name.startswith("."):
            continue
        sidecar = read_sidecar(target.with_name(target.name.removesuffix(SIDECAR_SUFFIX)))
        if sidecar:
            highest = max(highest, int(sidecar["load_sequence"]))
            newest = max(newest, _canonical(str(sidecar["arrived_at"])))
    return highest, newest


def _canonical(arrived_at: str) -> str:
    try:
        moment = datetime.fromisoformat(arrived_at)
    except ValueError:
        return ""
    return _timestamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _seen_until_settled(paths: list[Path], settle_seconds: float) -> dict[Path, os.stat_result]:
    """Return what the files looked like before the youngest was waited for.

    A file that is dated in the future, since the clock was set back, says nothing of its age: it is looked at as long as a fresh one.
    """
    seen = {path: path.stat() for path in paths}
    now = time.time()
    youngest = min((max(0.0, now - facts.st_mtime) for facts in seen.values()), default=settle_seconds)
    if youngest < settle_seconds:
        time.sleep(settle_seconds - youngest)
    return seen


def _settled_checksum(path: Path, seen: os.stat_result, settle_seconds: float) -> str | None:
    before = path.stat()
    if 0 <= time.time() - before.st_mtime < settle_seconds:
        return None
    digest, size = checksum(path)
    after = path.stat()
    stamps = {(facts.st_size, facts.st_mtime_ns) for facts in (seen, before, after)}
    return digest if stamps == {(size, after.st_mtime_ns)} else None


def _copy_in(
    landing_dir: Path, table: ContractTable, feeds: tuple[FeedBase, ...], problems: list[str], now: datetime | None
) -> None:
    for feed in feeds:
        if not isinstance(feed, Feed) or feed.location is None or feed.is_object_store:
            continue
        folder = Path(feed.location)
        if not folder.is_dir():
            problems.append(
                f"{folder}: location of {table.full_name} ({feed.system}) is no folder; create it or correct sources.yml"
            )
            continue
        landed = _landed_contents(landing_dir, table)
        for entry in sorted(os.scandir(folder), key=lambda item: item.name):
            if not feed.takes(entry.name) or entry.name.startswith("."):
                continue
            if entry.is_symlink() or not entry.is_file():
                problems.append(f"{entry.path}: not a plain file; it is not copied into landing")
                continue
            digest, _ = checksum(Path(entry.path))
            if digest not in landed:
                _copy_one(landing_dir, table, Path(entry.path), digest, now or datetime.now(tz=UTC))
                landed.add(digest)


def _landed_contents(landing_dir: Path, table: ContractTable) -> set[str]:
    contents: set[str] = set()
    for candidate in _walk(landing_dir, table, []):
        contents.add(str(candidate.sidecar["sha256"]) if candidate.sidecar else checksum(candidate.path)[0])
    # What somebody was taken out of is not copied in again, not even when nothing was left of it.
    for target in (landing_dir / table.source / table.name).glob(f"*/*{SIDECAR_SUFFIX}"):
        sidecar = read_sidecar(target.with_name(target.name.removesuffix(SIDECAR_SUFFIX)))
        contents |= {str(one) for one in (sidecar or {}).get(LANDED_AS, [])}
    return contents


def _copy_one(landing_dir: Path, table: ContractTable, origin: Path, digest: str, moment: datetime) -> None:
    folder = landing_dir / table.source / table.name / moment.strftime("%Y-%m-%d")
    target = folder / origin.name
    if target.exists():
        target = folder / f"{digest[:8]}-{origin.name}"
    temporary = folder / f".{target.name}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin, temporary)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        if checksum(temporary)[0] != digest:
            # It is being written right now; the next run takes it.
            temporary.unlink()
            return
        # The original's time says that the file has settled.
        written = origin.stat()
        os.utime(temporary, ns=(written.st_atime_ns, written.st_mtime_ns))
        temporary.rename(target)
        _fsync_folder(folder)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise LandingError(
            f"{origin}: cannot be copied into {folder} ({error.strerror}); nothing was loaded from it."
        ) from error


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
