"""Makes a sample company: landing files as its systems would have delivered them, and the truth about them.

What belongs here: the order in which the rooms of the sample work. Called by the command line and by tests.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from orchestration.errors import ConfigError, LandingError
from orchestration.ingest.contract import Contract, load_contract
from orchestration.sample.arrays import DAY, HOUR, NAT, Texts, chance, either, nothing, numbered, stream
from orchestration.sample.catalog import build_catalog
from orchestration.sample.clock import Clock
from orchestration.sample.crm import DATE_ONLY_SYSTEM, add_account_deals
from orchestration.sample.engagement import scatter_engagement
from orchestration.sample.facts import Facts, StageLog, Table, no_limits
from orchestration.sample.files import FileFormat, Landed, LandingWriter, record_keys
from orchestration.sample.journeys import Plan, plan_journeys, tell_journeys
from orchestration.sample.people import Population, build_companies, build_population
from orchestration.sample.records import OWN_EVIDENCE, RecordWriter
from orchestration.sample.rules import read_rules
from orchestration.sample.teller import DIRECT_FORMS, Teller
from orchestration.sample.truth import (
    current_stages,
    interaction_truth,
    journeys,
    person_names,
    record_truth,
    stage_entries,
)
from orchestration.settings import PROJECT_ROOT
from orchestration.sql import quote_literal

DEFAULT_END = date(2026, 6, 30)
LEAST_PEOPLE = 1
LEAST_DAYS = 14
PEOPLE_PER_COMPANY = 5
LEAST_COMPANIES = 60
REFERRED_SHARE = 0.04
REFERRED_REQUEST_SHARE = 0.15
PHONED_SHARE = 0.35


@dataclass(frozen=True)
class SampleSummary:
    """What was written.

    Parameters
    ----------
    landing_dir, truth_dir
        Where.
    people, visitors
        Persons who leave a trace that can identify them, and anonymous devices beside them.
    first_day, last_day
        The span of events; the last delivery is the night after ``last_day``.
    rows
        Landed rows by table, re-deliveries and versions included.
    files
        Number of landed files.
    """

    landing_dir: Path
    truth_dir: Path
    people: int
    visitors: int
    first_day: date
    last_day: date
    rows: dict[str, int]
    files: int

    def __str__(self) -> str:
        """Say it in one line, for who waits."""
        return (
            f"{sum(self.rows.values()):,} rows of {self.people:,} people and {self.visitors:,} anonymous devices in {self.files} files, "
            f"{self.first_day} to {self.last_day}: {self.landing_dir} (truth: {self.truth_dir})"
        )


def write_sample(
    out_dir: Path,
    people: int,
    days: int,
    seed: int,
    file_format: FileFormat = "jsonl",
    end: date = DEFAULT_END,
    *,
    truth_dir: Path | None = None,
    project_root: Path = PROJECT_ROOT,
) -> SampleSummary:
    """Write a sample company into ``out_dir``.

    Parameters
    ----------
    out_dir
        The landing folder to fill; must not hold files yet.
    people
        True persons who leave a trace that can identify them (anonymous visitors come on top).
    days
        Length of the history in days, ending with ``end``; histories that need more days are left out.
    seed
        The same seed, sizes and format give byte-identical files.
    file_format
        Of the landed files.
    end
        Last day with events.
    truth_dir
        Where the truth goes; default `truth` beside ``out_dir``.
    project_root
        The checkout whose seeds and raw contract are used.

    Returns
    -------
    SampleSummary
        Counts and places.

    Raises
    ------
    ConfigError
        If ``people`` or ``days`` is too small, the format unknown, or a seed is missing.
    LandingError
        If ``out_dir`` or the truth folder holds files already.
    """
    truth_dir = truth_dir if truth_dir is not None else out_dir.parent / "truth"
    _check(out_dir, truth_dir, people, days, file_format)
    last_day = int(np.datetime64(end, "D").astype(np.int64))
    clock = Clock(first_day=last_day - days + 1, last_day=last_day)
    contract = load_contract(project_root / "models")
    teller, plan = _world(seed, people, days, clock, project_root / "seeds")
    tell_journeys(teller, plan)
    visitors = scatter_engagement(teller, seed)
    add_account_deals(teller, stream(seed, "account deals"))
    _add_accounts(teller, seed)
    tables = _finished(teller.facts, contract)
    _add_referrals(tables, teller.people, seed)
    writer = LandingWriter(out_dir, contract, clock, file_format, seed)
    try:
        for name, table in tables.items():
            writer.add(name, table)
        landed = writer.write()
    finally:
        writer.close()
    _write_truth(truth_dir, tables, contract, teller, plan, visitors)
    return SampleSummary(
        landing_dir=out_dir,
        truth_dir=truth_dir,
        people=people,
        visitors=visitors,
        first_day=np.datetime64(clock.first_day, "D").astype(date),
        last_day=end,
        rows=_rows_by_table(landed),
        files=len(landed),
    )


def _check(out_dir: Path, truth_dir: Path, people: int, days: int, file_format: str) -> None:
    if people < LEAST_PEOPLE:
        message = f"--people {people}: the sample needs at least {LEAST_PEOPLE} person"
        raise ConfigError(message)
    if days < LEAST_DAYS:
        message = f"--days {days}: the sample needs at least {LEAST_DAYS} days, so that some history fits"
        raise ConfigError(message)
    if file_format not in {"jsonl", "csv", "parquet"}:
        message = f"--format {file_format}: choose one of jsonl, csv, parquet"
        raise ConfigError(message)
    for folder in (out_dir, truth_dir):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            message = f"{folder}: not empty; the sample never writes over files. Nothing was changed: give another folder or empty this one"
            raise LandingError(message)


def _world(seed: int, people: int, days: int, clock: Clock, seeds_dir: Path) -> tuple[Teller, Plan]:
    rules = read_rules(seeds_dir)
    facts = Facts()
    catalog = build_catalog(seed, clock, facts, rules.journey_stages)
    plan = plan_journeys(stream(seed, "plan"), people, days)
    companies = build_companies(seed, max(LEAST_COMPANIES, people // PEOPLE_PER_COMPANY))
    population = build_population(seed, rules, companies, plan.demands)
    teller = Teller(
        facts=facts,
        stages=StageLog(),
        limits=no_limits(people),
        people=population,
        companies=companies,
        catalog=catalog,
        clock=clock,
        rules=rules,
        writer=RecordWriter(population, companies, stream(seed, "records")),
        rng=stream(seed, "journeys"),
        is_device_linked=np.zeros(people, dtype=bool),
        is_wechat_linked=np.zeros(people, dtype=bool),
    )
    return teller, plan


def _add_accounts(teller: Teller, seed: int) -> None:
    """Write the accounts that CRM objects refer to, some of nobody yet, and the target lists over them."""
    rng = stream(seed, "accounts")
    companies, facts = teller.companies, teller.facts
    used: dict[str, set[str]] = {"crm": set(), DATE_ONLY_SYSTEM: set()}
    for name in ("crm.leads", "crm.contacts", "crm.opportunities", "crm.orders"):
        for block in facts.blocks.get(name, []):
            if "account_id" in block:
                for system, account in zip(block["_system"].tolist(), block["account_id"].tolist(), strict=True):
                    if account is not None:
                        used[system].add(account)
    for system, prefix in (("crm", "A"), (DATE_ONLY_SYSTEM, "CN-A")):
        here = np.zeros(len(companies.name), dtype=bool)
        here[[int(account.removeprefix(prefix)) for account in used[system]]] = True
        if system == "crm":
            here |= chance(rng, len(here), 0.3)
        parents = companies.parent[here]
        here[parents[parents >= 0]] = True
        row = np.flatnonzero(here)
        nobody = np.full(len(row), -1, dtype=np.int64)

        def ids(index: "np.ndarray", prefix: str = prefix) -> Texts:
            return np.array(
                [f"{prefix}{number:06d}" if number >= 0 else None for number in index.tolist()], dtype=object
            )

        facts.add(
            "crm.accounts",
            nobody,
            system,
            account_id=ids(row),
            name=companies.name[row],
            website="https://www." + companies.domain[row],
            industry=companies.industry[row],
            employees=companies.employees[row].astype(np.float64),
            country=companies.country[row],
            region=companies.region[row],
            annual_revenue=np.round(companies.employees[row] * rng.uniform(60_000, 240_000, len(row)), -3),
            parent_account_id=ids(companies.parent[row]),
        )
        listed = row[chance(rng, len(row), 0.15)] if system == "crm" else row[:0]
        # the list is drawn up at the start, grows a little later, and some accounts leave it
        days = teller.clock.last_day - teller.clock.first_day + 1
        late = np.where(chance(rng, len(listed), 0.3), rng.integers(0, days // 2, len(listed)), 0)
        listed_from = teller.clock.start + late * DAY
        leaves = chance(rng, len(listed), 0.3)
        listed_to = listed_from + rng.integers(1, days // 2, len(listed)) * DAY
        facts.add(
            "crm.target_lists",
            np.full(len(listed), -1, dtype=np.int64),
            system,
            list_name=either(chance(rng, len(listed), 0.5), "strategic", "growth"),
            account_id=ids(listed),
            valid_from=listed_from,
            valid_to=np.where(leaves, listed_to, NAT),
        )
    _add_suppressions(teller, rng)


def _add_suppressions(teller: Teller, rng: np.random.Generator) -> None:
    """Write a bought do-not-call list and a few addresses that must always be reached."""
    people = teller.people
    listed = np.flatnonzero(people.shows_mobile & chance(rng, len(people), 0.03))
    valid_from = (
        np.full(len(listed), teller.clock.start, dtype=np.int64) + rng.integers(0, 10, len(listed)) * DAY + HOUR
    )
    white = chance(rng, len(listed), 0.15)
    # a register of calls alone, or one of calls and texts
    calls = either(chance(rng, len(listed), 0.5), "phone", None)
    teller.facts.add(
        "consent.suppression",
        listed.astype(np.int64),
        "consent_centre",
        identifier_type=either(white, "email", "phone"),
        identifier=either(white, people.email[listed], people.phone[listed]),
        channel=either(white, "email", calls),
        list=either(white, "white", "dncl"),
        valid_from=valid_from,
        reason=either(white, "contract partner", "national do-not-call list"),
        source="compliance",
    )


def _finished(facts: Facts, contract: Contract) -> dict[str, Table]:
    """Join the blocks, order the rows by time and give submissions and interactions their running numbers."""
    tables: dict[str, Table] = {}
    for name, definition in contract.tables.items():
        table = facts.table(name)
        if not len(table):
            continue
        moment = table.columns.get(definition.version_column or definition.event_time or "")
        if moment is not None:
            table = table.take(np.argsort(moment, kind="stable"))
        if name == "forms.submissions":
            # both form systems count from one: the same number in two systems is two submissions
            table.columns["submission_id"] = _numbered_by_system(table, {"website": "S", "landing_pages": "S"})
        if name == "engagement.interactions":
            table.columns["interaction_id"] = _numbered_by_system(table, {"tracker": "T", "mailer": "M"})
        tables[name] = table
    return tables


def _add_referrals(tables: dict[str, Table], people: Population, seed: int) -> None:
    """Let a few forms, more of those that ask for sales, name who sent the person.

    Mostly the mailbox or mobile of somebody who wrote before, at home as dialled there, sometimes one that nobody knows.
    """
    if "forms.submissions" not in tables:
        return
    rng = stream(seed, "referrals")
    forms = tables["forms.submissions"].columns
    count = len(forms["email"])
    earlier = (rng.random(count) * np.arange(count)).astype(np.int64)
    sender = forms["_person"][earlier]
    at_home = people.country[sender] == people.country[forms["_person"]]
    phone = either(at_home & chance(rng, count, 0.5), people.national_phone[sender], people.phone[sender])
    is_phoned = (forms["_evidence_phone"][earlier] == OWN_EVIDENCE) & chance(rng, count, PHONED_SHARE)
    known = either(is_phoned, phone, forms["email"][earlier])
    named = either(chance(rng, count, 0.9), known, "a.friend@nobody-knows.example")
    asks = np.isin(forms["form_type"].astype(str), list(DIRECT_FORMS))
    forms["referred_by"] = either(
        rng.random(count) < np.where(asks, REFERRED_REQUEST_SHARE, REFERRED_SHARE), named, None
    )


def _numbered_by_system(table: Table, prefixes: dict[str, str]) -> Texts:
    ids = nothing(len(table))
    for system, prefix in prefixes.items():
        here = np.flatnonzero(table.columns["_system"] == system)
        ids[here] = numbered(prefix, 1, len(here), 8)
    return ids


def _rows_by_table(landed: Iterable[Landed]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for file in landed:
        name = ".".join(file.path.parts[:2])
        rows[name] = rows.get(name, 0) + file.rows
    return rows


def _write_truth(
    truth_dir: Path, tables: dict[str, Table], contract: Contract, teller: Teller, plan: Plan, visitors: int
) -> None:
    names = person_names(teller.people, visitors)
    bearing = {name: table for name, table in tables.items() if contract.table(name).is_person_record}
    keys = {name: record_keys(table, contract.table(name)) for name, table in bearing.items()}
    entries = stage_entries(teller.stages, names)
    frames = {
        "record_truth": record_truth(bearing, keys, names),
        "stage_entries": entries,
        "current_stages": current_stages(entries),
        "journeys": journeys(plan, teller.people, teller.companies),
    }
    if "engagement.interactions" in tables:
        frames["interaction_truth"] = interaction_truth(tables["engagement.interactions"], names)
    truth_dir.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        for name, frame in frames.items():
            _copy(connection, frame, truth_dir / f"{name}.parquet")


def _copy(connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, path: Path) -> None:
    connection.register("rows", frame)
    connection.execute(f"copy (select * from rows) to {quote_literal(str(path))} (format parquet, compression zstd)")
    connection.unregister("rows")
