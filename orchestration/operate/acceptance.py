"""`leadrelay identity show` and `accept`: what the merge budget stopped, and letting it through on purpose, on record.

Opens the warehouse, which only the night holds otherwise. What does not belong here: measuring and judging (`orchestration.publish`).
"""

import argparse
import getpass
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from orchestration.errors import LeadrelayError
from orchestration.ingest.contract import load_contract
from orchestration.ingest.warehouse import connect, prepare
from orchestration.operate.lock import only_night
from orchestration.publish.budget import Acceptance, read_acceptances
from orchestration.settings import Settings

_SHOWN_ACCEPTANCES = 10


@dataclass(frozen=True)
class Stop:
    """One limit that stopped a run.

    Parameters
    ----------
    run_id, stopped_at
        The run, and when (UTC).
    limit_name, figure, allowed
        The limit, what was measured and what the budget allows.
    compared_with
        Version that was published then.
    message
        The stop in one sentence, identifiers starred.
    identifiers_json
        Identifiers behind it as the warehouse keeps them.
    """

    run_id: str
    stopped_at: datetime
    limit_name: str
    figure: float
    allowed: float
    compared_with: str | None
    message: str
    identifiers_json: str

    @property
    def identifiers(self) -> list[dict[str, Any]]:
        """What is behind it, in clear: rule, value, link_count."""
        found: list[dict[str, Any]] = json.loads(self.identifiers_json)
        return found


def add_identity_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    run: Callable[[Callable[[Settings, argparse.Namespace], str]], Callable[[Settings, argparse.Namespace], int]],
) -> None:
    """Add ``show`` and ``accept`` to the sub-commands of ``leadrelay identity``.

    Parameters
    ----------
    commands
        What ``add_subparsers`` of the ``identity`` command returned.
    run
        Turns a function that returns a screen into a command that prints it.
    """
    show = commands.add_parser(
        "show", help="show what the merge budget stopped, identifiers in clear, and what was accepted"
    )
    show.set_defaults(command=run(lambda settings, _options: stops_screen(settings)))
    accept = commands.add_parser("accept", help="let the figures that stopped the last run through, on record")
    accept.add_argument("--reason", required=True, help="why they are right; kept with the figures")
    accept.add_argument("--by", help="who accepts; default the user who types")
    accept.set_defaults(command=run(lambda settings, options: accept_stops(settings, options.reason, options.by)))


def stops_screen(settings: Settings) -> str:
    """Return what stopped the last run, and the latest acceptances.

    Parameters
    ----------
    settings
        The home.

    Raises
    ------
    LeadrelayError
        If there is no warehouse yet.
    """
    with _open(settings) as connection:
        stops = _open_stops(connection)
        acceptances = read_acceptances(connection)
    lines = (
        _stop_lines(stops) if stops else ["the last run stayed within the merge budget, or what stopped it is accepted"]
    )
    if acceptances:
        lines += ["", f"Accepted ({len(acceptances)})"]
        lines += [_acceptance_line(acceptance) for acceptance in acceptances[:_SHOWN_ACCEPTANCES]]
    if stops:
        lines += ["", "next        look at the records, block an identifier (docs/how-to/correct-an-identity.md), or"]
        lines += ["            leadrelay identity accept --reason '...'"]
    return "\n".join(lines)


def accept_stops(settings: Settings, reason: str, accepted_by: str | None = None) -> str:
    """Let what stopped the last run through, and return what was accepted.

    Parameters
    ----------
    settings
        The home.
    reason
        Why the figures are right.
    accepted_by
        Who accepts; default the user of this process.

    Raises
    ------
    LeadrelayError
        If there is nothing to accept, or the reason is empty.
    """
    if not reason.strip():
        raise LeadrelayError("--reason is empty; say why the figures are right. Nothing was accepted.")
    name = (accepted_by or getpass.getuser()).strip()
    accepted_at = datetime.now(tz=UTC).replace(tzinfo=None, microsecond=0)
    with only_night(settings), _open(settings) as connection:
        stops = _open_stops(connection)
        if not stops:
            raise LeadrelayError(
                "there is nothing to accept: the merge budget did not stop the last run, or it is accepted already"
            )
        connection.execute("begin")
        for stop in stops:
            connection.execute(
                "insert into ops.identity_acceptances values (?, ?, ?, ?, ?, ?, ?)",
                [stop.run_id, stop.limit_name, stop.figure, stop.compared_with, name, accepted_at, reason.strip()],
            )
        connection.execute("commit")
    accepted = [
        Acceptance(stop.limit_name, stop.figure, stop.compared_with, name, accepted_at, reason.strip(), stop.run_id)
        for stop in stops
    ]
    return "\n".join(["accepted", *map(_acceptance_line, accepted), "", "next        leadrelay run"])


def _open(settings: Settings) -> duckdb.DuckDBPyConnection:
    if not settings.warehouse_path.exists():
        raise LeadrelayError(f"there is no warehouse in {settings.home} yet. Type: leadrelay run")
    connection = connect(settings)
    prepare(connection, load_contract(settings.models_dir))
    return connection


def _open_stops(connection: duckdb.DuckDBPyConnection) -> list[Stop]:
    """Return what stopped the last run that came to publishing, without what is accepted already."""
    rows = connection.execute(
        """
        with last_run as (
            select run_id
            from ops.identity_quality
            order by measured_at desc, run_id desc
            limit 1
        )

        select
            stops.run_id, stops.stopped_at, stops.limit_name, stops.figure, stops.allowed, stops.compared_with, stops.message,
            stops.identifiers
        from ops.identity_stops as stops
        inner join last_run on stops.run_id = last_run.run_id
        anti join ops.identity_acceptances as acceptances
            on stops.run_id = acceptances.run_id and stops.limit_name = acceptances.limit_name
        order by stops.limit_name
        """
    ).fetchall()
    return [Stop(*row) for row in rows]


def _stop_lines(stops: Sequence[Stop]) -> list[str]:
    lines = [f"run {stops[0].run_id} was stopped at {stops[0].stopped_at:%Y-%m-%d %H:%M} (UTC)"]
    for stop in stops:
        lines += ["", f"{stop.limit_name}: {stop.figure:g}, the budget is {stop.allowed:g}", f"  {stop.message}"]
        lines += [
            f"  {identifier['link_count']:>9,} links by {identifier['rule']} {identifier['value']}"
            for identifier in stop.identifiers
        ]
    return lines


def _acceptance_line(acceptance: Acceptance) -> str:
    return (
        f"  {acceptance.limit_name} up to {acceptance.figure:g} by {acceptance.accepted_by} at "
        f"{acceptance.accepted_at:%Y-%m-%d %H:%M}: {acceptance.reason}"
    )
