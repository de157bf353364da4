"""One table's feeds, each read by its reader; what goes wrong becomes a sentence without a secret in it.

What belongs here: which reader reads which feed, and what a failed one means. What does not: how a system is read.
"""

import logging
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestration.errors import LandingError, ReaderError
from orchestration.ingest.collect.progress import Progress
from orchestration.ingest.collect.secrets import Secrets
from orchestration.ingest.contract import ContractTable
from orchestration.ingest.feeds import Feed, FeedBase, PostgresFeed, RestFeed, slug
from orchestration.ingest.landing import Arrivals, landed_by
from orchestration.settings import Settings

_log = logging.getLogger(__name__)


@dataclass
class Tally:
    """What a reader has landed so far."""

    files: int = 0
    rows: int = 0
    vanished: int = 0


@dataclass(frozen=True)
class Reading:
    """What a reader works with.

    Parameters
    ----------
    settings
        The home.
    table
        The contract's table.
    arrivals
        Where its files land.
    progress
        Where it notes how far it came.
    secrets
        What it may not repeat.
    tally
        What it has landed; filled as it goes, so that a failed reader's files count too.
    """

    settings: Settings
    table: ContractTable
    arrivals: Arrivals
    progress: Progress
    secrets: Secrets
    tally: Tally

    def place(self, feed: FeedBase) -> dict[str, Any]:
        """Return how far the feed came; nowhere when none of its files is in landing any more."""
        return self.progress.read() if landed_by(self.settings.landing_dir, self.table, feed) else {}


@dataclass(frozen=True)
class Collected:
    """How one feed's reading ended.

    Parameters
    ----------
    reader, system
        Which feed.
    files, rows, vanished
        What landed, in this run.
    message
        What went wrong, where, and what is kept; empty when nothing did.
    """

    reader: str
    system: str
    files: int = 0
    rows: int = 0
    vanished: int = 0
    message: str = ""

    @property
    def is_failed(self) -> bool:
        """Whether the reader did not come to the end."""
        return bool(self.message)


def collect_table(
    settings: Settings, table: ContractTable, feeds: Iterable[FeedBase], now: datetime | None = None
) -> tuple[Collected, ...]:
    """Read everything new of one table's feeds into landing.

    Parameters
    ----------
    settings
        The home.
    table
        The contract's table.
    feeds
        Its feeds from ``sources.yml``; those that only wait for files are left out.
    now
        Arrival of what lands, with zone; default the clock.

    Returns
    -------
    tuple[Collected, ...]
        One for each feed that fetches. A reader that fails is a result, not an error: the night goes on with the older rows.
    """
    return tuple(_collect(settings, table, feed, now) for feed in feeds if _reader(feed) is not None)


def _collect(settings: Settings, table: ContractTable, feed: FeedBase, now: datetime | None) -> Collected:
    reader = _reader(feed)
    name = str(getattr(feed, "reader", "files"))
    reading = Reading(
        settings=settings,
        table=table,
        arrivals=Arrivals(settings.landing_dir, table, feed.system, now),
        progress=Progress(settings.readers_dir / f"{table.full_name}.{_identity(feed)}.json", _asked(feed)),
        secrets=Secrets(),
        tally=Tally(),
    )
    message = ""
    try:
        if reader is not None:
            reader(reading, feed)
    except (ReaderError, LandingError) as error:
        what = f"{reading.tally.files} files of this run have landed and stay; the next run goes on from there."
        message = reading.secrets.scrub(f"{table.full_name}: {name} reader of {feed.system}: {error}\n  {what}")
        _log.warning("%s: the %s reader of %s failed", table.full_name, name, feed.system)
    except Exception as error:
        # Nobody foresaw it, so it keeps its traceback, unless that could tell a secret: a driver's errors quote what it was given.
        if not reading.secrets.holds("".join(traceback.format_exception(error))):
            raise
        kind = f"{type(error).__name__}: {reading.secrets.scrub(str(error))}"
        raise ReaderError(f"{table.full_name}: {name} reader of {feed.system}: {kind}") from None
    tally = reading.tally
    if tally.rows or tally.files:
        _log.info(
            "%s: %s rows read from %s into %s files", table.full_name, f"{tally.rows:,}", feed.system, tally.files
        )
    return Collected(
        reader=name,
        system=feed.system,
        files=tally.files,
        rows=tally.rows,
        vanished=tally.vanished,
        message=message,
    )


def _identity(feed: FeedBase) -> str:
    if isinstance(feed, PostgresFeed | RestFeed):
        return feed.prefix
    location = feed.location if isinstance(feed, Feed) else None
    return f"{feed.system}.files.{slug(location or '')}.{slug(feed.pattern)}"


def _asked(feed: FeedBase) -> Mapping[str, Any]:
    """Return what makes a noted place worthless when it changes."""
    if isinstance(feed, PostgresFeed):
        return {"table": feed.table, "key": feed.key, "cursor": feed.cursor}
    if isinstance(feed, RestFeed):
        return feed.model_dump(include={"url", "path", "params", "paging", "incremental", "records"})
    return {"location": feed.location if isinstance(feed, Feed) else None}


def _reader(feed: FeedBase) -> "Callable[[Reading, Any], None] | None":
    """Return what reads a feed; the drivers are imported by whoever has such a feed."""
    if isinstance(feed, PostgresFeed):
        from orchestration.ingest.collect.postgres import read_postgres

        return read_postgres
    if isinstance(feed, RestFeed):
        from orchestration.ingest.collect.rest import read_rest

        return read_rest
    if isinstance(feed, Feed) and feed.is_object_store:
        from orchestration.ingest.collect.objects import read_objects

        return read_objects
    return None
