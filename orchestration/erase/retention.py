"""How long what holds personal data is kept: seeds/operate/retention.csv, applied by the night and by `leadrelay retention`.

Landing is what everything else is made from, so no night removes a landed file: the command does, and builds the warehouse anew, so that
no table says what landing no longer can.
"""

import argparse
import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from orchestration.activate.files import drop_before
from orchestration.commands import Printing
from orchestration.errors import ConfigError, LeadrelayError
from orchestration.ingest.contract import Contract
from orchestration.ingest.landing import SIDECAR_SUFFIX, read_sidecar
from orchestration.operate.audit import drop_commands_before
from orchestration.operate.lock import only_night
from orchestration.settings import Settings
from orchestration.sql import qualified

VERSIONS, QUARANTINE, LANDING, COMMANDS, ACTIVATION = "versions", "quarantine", "landing", "commands", "activation"
_SEED = Path("operate") / "retention.csv"
_LEAST_VERSIONS = 3


@dataclass(frozen=True)
class Keep:
    """How long one artefact is kept.

    Parameters
    ----------
    days
        None keeps it for good; of versions, no longer than the newest ones.
    at_least
        Newest versions that stay however old.
    """

    days: int | None
    at_least: int = _LEAST_VERSIONS

    def limit(self, now: datetime | None = None) -> datetime | None:
        """Return the moment (UTC, with zone) before which it goes; None for never."""
        return None if self.days is None else (now or datetime.now(tz=UTC)) - timedelta(days=self.days)


def read_retention(settings: Settings) -> Mapping[str, Keep]:
    """Return the policy by artefact.

    Raises
    ------
    ConfigError
        If the seed lacks an artefact or says a number that is none; nothing is removed then.
    """
    own = settings.own_seeds_dir / _SEED if settings.own_seeds_dir else None
    path = own if own is not None and own.exists() else settings.seeds_dir / _SEED
    policy: dict[str, Keep] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream):
                days, least = row["keep_days"].strip(), row["keep_at_least"].strip()
                policy[row["artefact"]] = Keep(int(days) if days else None, int(least) if least else _LEAST_VERSIONS)
    except (OSError, KeyError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path}: not readable as a retention policy ({error}); nothing was removed.") from error
    missing = {VERSIONS, QUARANTINE, LANDING, COMMANDS, ACTIVATION} - policy.keys()
    wrong = [name for name, keep in policy.items() if (keep.days or 0) < 0 or keep.at_least < _LEAST_VERSIONS]
    if missing or wrong:
        raise ConfigError(
            f"{path}: {', '.join(sorted([*missing, *wrong]))}: every artefact has a row, keep_days is not negative and keep_at_least not below "
            f"{_LEAST_VERSIONS}; nothing was removed."
        )
    return policy


def keep_nightly(connection: duckdb.DuckDBPyConnection, settings: Settings, contract: Contract) -> dict[str, int]:
    """Remove what a night may remove: quarantined rows, audience files and lines of who ran what that are too old.

    Parameters
    ----------
    connection
        The warehouse, prepared, outside a transaction.
    settings, contract
        The policy, and the tables.

    Returns
    -------
    dict
        How many went, by artefact.
    """
    policy = read_retention(settings)
    removed = {QUARANTINE: 0, COMMANDS: 0, ACTIVATION: 0}
    limit = policy[QUARANTINE].limit()
    if limit is not None:
        for table in contract.tables.values():
            row = connection.execute(
                f"delete from {qualified('quarantine', table.identifier)} where arrived_at < cast(? as timestamp)",
                [limit.replace(tzinfo=None)],
            ).fetchone()
            removed[QUARANTINE] += int(row[0]) if row else 0
    limit = policy[COMMANDS].limit()
    if limit is not None:
        removed[COMMANDS] = drop_commands_before(settings, limit)
    limit = policy[ACTIVATION].limit()
    if limit is not None:
        removed[ACTIVATION] = drop_before(settings.home, limit)
    return removed


def add_retention_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", printing: Printing) -> None:
    """Add ``retention`` to the commands of ``leadrelay``."""
    parser = commands.add_parser(
        "retention", help="show how long data is kept and which landed files are due; remove them"
    )
    parser.add_argument(
        "--yes", action="store_true", help="remove the landed files that are due and build the warehouse anew"
    )
    parser.set_defaults(command=printing(lambda settings, options: retention_screen(settings, is_meant=options.yes)))


def retention_screen(settings: Settings, *, is_meant: bool = False) -> str:
    """Show the policy and what is due, and apply it to landing when asked.

    Raises
    ------
    LeadrelayError
        If a night is running, and nothing is removed then; or if the night that builds the warehouse anew did not publish.
    """
    if not is_meant:
        return _retention_screen(settings, is_meant=False)
    # From the first file to the night that builds anew: nobody else may load from a landing that is half removed.
    with only_night(settings):
        return _retention_screen(settings, is_meant=True)


def _retention_screen(settings: Settings, *, is_meant: bool) -> str:
    policy = read_retention(settings)
    lines = []
    for name, keep in sorted(policy.items()):
        told = "for good" if keep.days is None else f"{keep.days} days"
        if name == VERSIONS:
            told = f"the newest {keep.at_least}" + (f" and those of {keep.days} days" if keep.days is not None else "")
        lines.append(f"{name:<11} kept {told}")
    due = due_files(settings, policy[LANDING])
    lines += ["", f"due         {len(due):,} landed files", *(f"  {path}" for path in due[:10])]
    if not due or not is_meant:
        return "\n".join([*lines, *(["", "Nothing was changed; to remove them, add --yes"] if due else [])])
    for path in due:
        # The sidecar stays: it keeps the place in the order of arrival, and the checksum.
        (settings.landing_dir / path).unlink()
    from orchestration.operate.night import run_night

    night = run_night(settings, from_scratch=True, reads_sources=False)
    if night.failure is not None:
        raise LeadrelayError(f"the files are removed, but the warehouse was not built anew: {night.failure.message}")
    return "\n".join([*lines, "", "removed     and the warehouse built anew from what is left"])


def due_files(settings: Settings, keep: Keep) -> list[str]:
    """Return landed files, relative to landing, whose arrival lies before the policy's limit."""
    limit = keep.limit()
    if limit is None:
        return []
    due = []
    for target in sorted(settings.landing_dir.glob(f"*/*/*/*{SIDECAR_SUFFIX}")):
        path = target.with_name(target.name.removesuffix(SIDECAR_SUFFIX))
        sidecar = read_sidecar(path)
        if sidecar is None or not path.is_file() or path.is_symlink():
            continue
        arrived = datetime.fromisoformat(str(sidecar["arrived_at"]))
        if (arrived if arrived.tzinfo else arrived.replace(tzinfo=UTC)) < limit:
            due.append(path.relative_to(settings.landing_dir).as_posix())
    return due
