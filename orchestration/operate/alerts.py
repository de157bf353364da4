"""Telling people what a night found, through apprise: Slack, Teams, DingTalk, WeCom, Feishu, e-mail, any webhook.

Addresses stand in the environment (``LEADRELAY_ALERT_URLS``), rules in seeds/operate/alert_rules.csv. A thing is told once: what was
told lies in ``LEADRELAY_HOME/alerts.json`` until it is over. An alert that cannot be sent is a line on the night's screen and never
more. A message names tables, checks and counts, never a row; an address, which is a secret, is named by its place and tag alone.
What does not belong here: what a night is (`night`), and when a share of rows in quarantine is a jump (its suite says so).
"""

import csv
import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import ConfigError, ExitCode
from orchestration.operate.outcome import Night
from orchestration.operate.silence import SilentTable, read_arrival_rules, silent_tables
from orchestration.publish.build import MARTS_FILE
from orchestration.publish.versions import current_version
from orchestration.quality.suites import QUARANTINE_IS_USUAL
from orchestration.settings import ALERT_URLS, Settings, load_alert_urls

FAILED, STALE, SILENT, JUMP, SLOWING = (
    "night_failed",
    "stale_table",
    "silent_source",
    "quarantine_jump",
    "slowing_stage",
)
_EVENTS = (FAILED, STALE, SILENT, JUMP, SLOWING)
_SEED = Path("operate") / "alert_rules.csv"
_TOLD = "alerts.json"
_LONGEST = 300
_MOST_SILENT = 5


@dataclass(frozen=True)
class Rule:
    """Who is told of an event.

    Parameters
    ----------
    event, tag
        What happened, and the addresses that get it.
    """

    event: str
    tag: str


@dataclass(frozen=True)
class Alert:
    """One thing to tell.

    Parameters
    ----------
    event
        Of the rules.
    key
        What makes it the same thing again in the next night.
    title, body
        The message.
    """

    event: str
    key: str
    title: str
    body: str


@dataclass(frozen=True)
class _Address:
    place: int
    tag: str | None
    url: str

    @property
    def name(self) -> str:
        """What may be shown of it."""
        return f"address {self.place} of {ALERT_URLS}" + (f" ({self.tag})" if self.tag else "")


def alert_on(settings: Settings, night: Night) -> list[str]:
    """Tell what a night found to whom it concerns.

    Parameters
    ----------
    settings
        The home.
    night
        How it ended.

    Returns
    -------
    list of str
        What could not be told, as sentences without a secret; empty when nothing went wrong, or no address is set.
    """
    addresses = _addresses(load_alert_urls())
    if not addresses:
        return []
    try:
        return _tell(settings, read_rules(settings), addresses, night)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with telling, the night itself is done
        # The kind alone: its text may hold an address.
        return [f"alerts were not sent ({type(error).__name__}); the night itself is not touched by that"]


def read_rules(settings: Settings) -> list[Rule]:
    """Return the rules that are on.

    Raises
    ------
    ConfigError
        If the seed cannot be read or names an event that nobody knows.
    """
    own = settings.own_seeds_dir / _SEED if settings.own_seeds_dir else None
    path = own if own is not None and own.exists() else settings.seeds_dir / _SEED
    rules = []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["event"] not in _EVENTS:
                raise ConfigError(f"{path}: no event is called {row['event']!r}; known are {', '.join(_EVENTS)}.")
            if row["is_on"].strip().lower() == "true":
                rules.append(Rule(row["event"], row["tag"]))
    return rules


def find_alerts(settings: Settings, night: Night, rules: Iterable[Rule]) -> list[Alert]:
    """Return everything that a night has to tell, told before or not."""
    wanted = {rule.event for rule in rules}
    # Who interrupts a night knows of it.
    is_news = night.failure is not None and night.failure.exit_code != ExitCode.INTERRUPTED
    found = [_failed(night)] if is_news else []
    found += [_stale(table) for table in night.refused]
    folder = current_version(settings.published_dir)
    if folder is not None and night.failure is None:
        with duckdb.connect(str(folder / MARTS_FILE), read_only=True) as connection:
            silent = silent_tables(connection, read_arrival_rules(settings)) if SILENT in wanted else ()
            found += [*_silent(silent), *_jumps(connection, night.run_id), *_slowing(connection)]
    return [alert for alert in found if alert.event in wanted]


def _failed(night: Night) -> Alert:
    failure = night.failure
    step, code = (failure.step, int(failure.exit_code)) if failure else ("", 0)
    # The first line says what and where; those after it may show rows.
    first = "a defect; see the run's log" if failure is None or failure.is_defect else failure.message.split("\n", 1)[0]
    stands = (
        f"What is published stands as of {night.manifest['as_of']}." if night.manifest else "Nothing is published yet."
    )
    body = f"Stopped at {step} (exit code {code}): {first[:_LONGEST]}\n{stands}\nRun {night.run_id}."
    return Alert(FAILED, f"{FAILED}|{night.run_id}", "leadrelay: not published", body)


def _stale(table: str) -> Alert:
    body = f"The newest batch of {table} was refused, or its reader failed; older rows are used.\nWhy: leadrelay status, leadrelay quarantine list"
    return Alert(STALE, f"{STALE}|{table}", f"leadrelay: {table} is stale", body)


def _silent(tables: Sequence[SilentTable]) -> list[Alert]:
    """Return one alert for each table; one for all of them when that would be a flood, as when the exports' own disk is gone."""
    look = "Look at the system that exports it; seeds/operate/arrival_rules.csv says how long is usual."
    if len(tables) > _MOST_SILENT:
        body = "\n".join([*(f"{table.source_table}: {table}" for table in tables), look])
        return [Alert(SILENT, f"{SILENT}|many", f"leadrelay: {len(tables)} tables have gone silent", body)]
    return [
        Alert(SILENT, f"{SILENT}|{name}", f"leadrelay: {name} has gone silent", f"{name}: {table}.\n{look}")
        for name, table in ((table.source_table, table) for table in tables)
    ]


def _jumps(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[Alert]:
    """Return the tables of this run of whose rows an unusual share was put aside, as their suites judge it."""
    rows = connection.execute(
        """
        select source_table, sum(rows_quarantined) as put_aside, sum(rows_quarantined) / sum(rows_in) as share
        from marts.ops_load
        where status = 'loaded' and rows_in > 0 and run_id = $run
            and source_table in (
                select table_name from marts.ops_quality_result where run_id = $run and check_name = $check and not is_success
            )
        group by source_table
        order by source_table
        """,
        {"run": run_id, "check": QUARANTINE_IS_USUAL},
    ).fetchall()
    return [
        Alert(
            JUMP,
            f"{JUMP}|{table}|{run_id}",
            f"leadrelay: {count:,} rows of {table} put aside",
            f"{share:.1%} of the rows of this run are in quarantine, which is not usual for this table.\n"
            f"Which and why: leadrelay quarantine show {table}",
        )
        for table, count, share in rows
    ]


def _slowing(connection: duckdb.DuckDBPyConnection) -> list[Alert]:
    """Return the transitions whose last full month is slower, over everybody."""
    rows = connection.execute(
        """
        select from_stage, to_stage, period, mean_days, trailing_mean_days, change_share, n
        from marts.mart_stage_velocity
        where segment_type = 'all' and is_slowing and period_type = 'month'
        qualify period = max(period) over ()
        order by from_stage, to_stage, transition_kind
        """
    ).fetchall()
    return [
        Alert(
            SLOWING,
            f"{SLOWING}|{start}|{end}|{period}",
            f"leadrelay: {start} to {end} is slower",
            f"In {period} it took {mean:.1f} days on average, {before:.1f} in the months before (+{change:.0%}, {n:,} cases).\n"
            "Look at mart_stage_velocity.",
        )
        for start, end, period, mean, before, change, n in rows
    ]


# -------------------------------------------------------------------------------------------------------------- sending


def _tell(settings: Settings, rules: Sequence[Rule], addresses: Sequence[_Address], night: Night) -> list[str]:
    alerts = find_alerts(settings, night, rules)
    told = _read_told(settings.home)
    tags: dict[str, set[str]] = {}
    for rule in rules:
        tags.setdefault(rule.event, set()).add(rule.tag)
    problems: dict[str, None] = {}
    kept = {}
    for alert in alerts:
        already = set(told.get(alert.key, []))
        for address in addresses:
            if address.name in already or (address.tag is not None and address.tag not in tags[alert.event]):
                continue
            problem = _send(address, alert)
            if problem is None:
                already.add(address.name)
            else:
                problems[problem] = None
        kept[alert.key] = sorted(already)
    # A failed night says nothing of the rest, so what was told of it stays told.
    _write_told(settings.home, {**told, **kept} if night.failure is not None else kept)
    return list(problems)


def _send(address: _Address, alert: Alert) -> str | None:
    """Send one alert to one address; return what went wrong."""
    try:
        from apprise import Apprise, NotifyFormat, NotifyType
    except ImportError:
        return f"no alert was sent to {address.name}: the package apprise is not installed"
    # Its messages name addresses.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    sender = Apprise()
    if not sender.add(address.url):
        return f"no alert was sent to {address.name}: apprise knows no such address"
    kind = NotifyType.FAILURE if alert.event == FAILED else NotifyType.WARNING
    try:
        is_sent = sender.notify(body=alert.body, title=alert.title, notify_type=kind, body_format=NotifyFormat.TEXT)
    except Exception as error:  # noqa: BLE001 - a sender of any kind may fail in its own way, and none may fail the night
        return f"no alert was sent to {address.name}: {type(error).__name__}"
    return None if is_sent else f"no alert was sent to {address.name}: it does not answer, or refused"


def _addresses(text: str) -> list[_Address]:
    """Read ``[tag=]url`` parts, divided by white space."""
    found = []
    for place, part in enumerate(text.split(), start=1):
        tag, is_tagged, url = part.partition("=")
        has_tag = bool(is_tagged) and tag.isidentifier()
        found.append(_Address(place, tag if has_tag else None, url if has_tag else part))
    return found


def _read_told(home: Path) -> Mapping[str, list[str]]:
    try:
        content: Any = json.loads((home / _TOLD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write_told(home: Path, told: Mapping[str, Sequence[str]]) -> None:
    temporary = home / f".{_TOLD}.tmp"
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        json.dump(told, stream, indent=1, sort_keys=True)
        stream.write("\n")
    temporary.replace(home / _TOLD)
