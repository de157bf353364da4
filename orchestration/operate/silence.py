"""Tables whose source has gone silent: nothing failed, nothing arrived, for longer than seeds/operate/arrival_rules.csv allows.

Held against the clock and not against ``as_of``, which stands still when every source does.
What does not belong here: tables whose newest batch was refused or whose reader failed (`orchestration.ingest.warehouse.stale_tables`).
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.errors import ConfigError
from orchestration.settings import Settings

_SEED = Path("operate") / "arrival_rules.csv"
_EVERY_OTHER = "*"
_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class ArrivalRule:
    """How long a table may stay without an arrival.

    Parameters
    ----------
    gap_factor
        So many times as long as is usual for the table; None for as long as it likes.
    least_days
        And at least so many days.
    """

    gap_factor: float | None
    least_days: float

    def allows(self, days: float, usual_gap_days: float | None) -> bool:
        """Whether so many days are no reason to ask; a table that arrived on one day only has no rhythm yet."""
        if self.gap_factor is None or usual_gap_days is None:
            return True
        return days <= max(self.gap_factor * usual_gap_days, self.least_days)


@dataclass(frozen=True)
class SilentTable:
    """A table that nothing has arrived for.

    Parameters
    ----------
    source_table
        ``<source>.<table>``.
    last_arrived_at
        Its last good file, UTC without zone.
    days
        Since then.
    usual_gap_days
        Median days between days with an arrival.
    """

    source_table: str
    last_arrived_at: datetime
    days: float
    usual_gap_days: float

    def __str__(self) -> str:
        """Return it as a sentence without its subject."""
        return f"nothing for {self.days:.0f} days (last {self.last_arrived_at:%Y-%m-%d}), usually every {self.usual_gap_days:g}"


def read_arrival_rules(settings: Settings) -> Mapping[str, ArrivalRule]:
    """Return the rules by table; the row ``*`` is every other table's.

    Raises
    ------
    ConfigError
        If the seed cannot be read, or lacks the row ``*``.
    """
    own = settings.own_seeds_dir / _SEED if settings.own_seeds_dir else None
    path = own if own is not None and own.exists() else settings.seeds_dir / _SEED
    rules: dict[str, ArrivalRule] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream):
                factor = row["gap_factor"].strip()
                rules[row["source_table"]] = ArrivalRule(
                    float(factor) if factor else None, float(row["least_days"] or 0)
                )
    except (OSError, KeyError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path}: not readable as rules of arrival ({error}).") from error
    if _EVERY_OTHER not in rules:
        raise ConfigError(f"{path}: the row {_EVERY_OTHER}, which is every other table's, is missing.")
    return rules


def silent_tables(
    connection: duckdb.DuckDBPyConnection, rules: Mapping[str, ArrivalRule], now: datetime | None = None
) -> Sequence[SilentTable]:
    """Return the tables that have been silent for too long.

    Parameters
    ----------
    connection
        A published file.
    rules
        From `read_arrival_rules`.
    now
        With zone; default the clock.
    """
    moment = (now or datetime.now(tz=UTC)).astimezone(UTC).replace(tzinfo=None)
    rows = connection.execute(
        "select source_table, last_arrived_at, usual_gap_days from marts.ops_freshness "
        "where last_arrived_at is not null order by source_table"
    ).fetchall()
    found = []
    for table, arrived_at, gap in rows:
        days = (moment - arrived_at).total_seconds() / _DAY_SECONDS
        if not rules.get(table, rules[_EVERY_OTHER]).allows(days, gap):
            found.append(SilentTable(table, arrived_at, days, gap))
    return found
