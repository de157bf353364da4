"""The merge budget: publishing stops when identity moves further in one night than `seeds/identity/identity_budget.csv` allows.

Each limit is one check of gate 2, so it shows as an asset check and in `ops_quality_result`. A figure that somebody has accepted
(`leadrelay identity accept`) is let through: a jump against the version that it was accepted against, a size for good.
Messages name identifiers by their first letter only, since they are logged and published; in clear they stand in `ops.identity_stops`,
for `leadrelay identity show`.
What does not belong here: measuring (`movement`).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import duckdb

from orchestration.publish.movement import Identifier, Movement
from orchestration.quality.results import CheckResult
from orchestration.quality.suites import CheckSpec

TABLE_NAME = "identity_budget"
LARGEST = "largest_person_records"
GROWTH = "largest_person_growth"
MERGED = "merged_person_share"
UNMERGED = "unmerged_person_share"
_NEXT = ". In clear: leadrelay identity show. When it is right: leadrelay identity accept --reason '...', then leadrelay run"
_REASONS = {
    LARGEST: "no person holds more records than the budget allows",
    GROWTH: "the largest person does not multiply in one night",
    MERGED: "only a small share of the known persons is merged in one night",
    UNMERGED: "only a small share of the known persons comes apart in one night",
}
# Against the version published before, so an acceptance ends when another version stands.
_AGAINST_VERSION = frozenset({GROWTH, MERGED, UNMERGED})


@dataclass(frozen=True)
class Limit:
    """One row of the budget; see the seed's yml."""

    name: str
    value: float
    floor: float
    headroom: float


@dataclass(frozen=True)
class Acceptance:
    """A figure that somebody let through on purpose.

    Parameters
    ----------
    limit_name
        Limit that it raises.
    figure
        What was accepted.
    compared_with
        Version that was published when it was accepted; ``None`` when nothing was.
    accepted_by, accepted_at, reason
        Who, when (UTC) and why.
    run_id
        The run that was stopped.
    """

    limit_name: str
    figure: float
    compared_with: str | None
    accepted_by: str
    accepted_at: datetime
    reason: str
    run_id: str


@dataclass(frozen=True)
class Finding:
    """One limit held against one night.

    Parameters
    ----------
    limit
        The limit.
    figure
        What was measured.
    counted
        What the floor is compared with.
    is_exceeded
        Whether the figure is beyond the limit and its floor.
    acceptance
        Who let it through, if anybody did.
    identifiers
        What is behind the figure.
    message
        One sentence; empty when nothing is exceeded.
    """

    limit: Limit
    figure: float
    counted: float
    is_exceeded: bool
    acceptance: Acceptance | None
    identifiers: Sequence[Identifier]
    message: str

    @property
    def is_refused(self) -> bool:
        """Whether it keeps the version from being published."""
        return self.is_exceeded and self.acceptance is None


def budget_specs() -> tuple[CheckSpec, ...]:
    """Return the checks of the budget, one per limit that the code knows."""
    return tuple(
        CheckSpec(
            suite_name=f"marts.{TABLE_NAME}",
            table_name=TABLE_NAME,
            name=name,
            expectation_type="leadrelay",
            severity="critical",
            level="table",
            reason=reason,
        )
        for name, reason in _REASONS.items()
    )


def read_limits(connection: duckdb.DuckDBPyConnection) -> dict[str, Limit]:
    """Read the budget that dbt seeded; empty in a warehouse without the seed.

    Parameters
    ----------
    connection
        The warehouse.
    """
    if not _exists(connection, "seeds", "identity_budget"):
        return {}
    rows = connection.execute("select limit_name, value, floor, headroom from seeds.identity_budget").fetchall()
    return {name: Limit(name, float(value), float(floor), float(headroom)) for name, value, floor, headroom in rows}


def read_acceptances(connection: duckdb.DuckDBPyConnection) -> list[Acceptance]:
    """Read what was ever accepted, newest first.

    Parameters
    ----------
    connection
        The warehouse.
    """
    rows = connection.execute(
        """
        select limit_name, figure, compared_with, accepted_by, accepted_at, reason, run_id
        from ops.identity_acceptances
        order by accepted_at desc, limit_name
        """
    ).fetchall()
    return [Acceptance(*row) for row in rows]


def judge(movement: Movement, limits: dict[str, Limit], acceptances: Sequence[Acceptance]) -> list[Finding]:
    """Hold one night's movement against the budget.

    Parameters
    ----------
    movement
        What was measured.
    limits
        The budget; a limit that has no row is not applied.
    acceptances
        What was accepted before.

    Returns
    -------
    list of Finding
        One per limit, in the order of the code.
    """
    largest, before = movement.largest_person_records, movement.largest_before
    share = movement.merged_known / movement.known_before if movement.known_before else 0.0
    unmerged_share = movement.unmerged_known / movement.known_before if movement.known_before else 0.0
    parted = f"{movement.unmerged_known:,} known persons ({unmerged_share:.1%} of those before) came apart from others"
    largest_person = f"the largest person ({movement.largest_person_id}) holds {largest:,} records"
    merged_persons = f"{movement.merged_known:,} of {movement.known_before:,} known persons ({share:.1%})"
    measured: dict[str, tuple[float, float, Sequence[Identifier], str]] = {
        LARGEST: (
            float(largest),
            float(largest),
            movement.behind_largest,
            f"{largest_person}; the budget is {{limit:,.0f}}",
        ),
        GROWTH: (
            largest / before if before else 0.0,
            float(largest),
            movement.behind_largest,
            f"{largest_person}, the largest of the version before held {before:,}; the budget is {{limit:g}} times",
        ),
        MERGED: (
            share,
            float(movement.merged_known),
            movement.behind_merges,
            f"{merged_persons} were merged into others since the version before; the budget is {{limit:.1%}}",
        ),
        UNMERGED: (
            unmerged_share,
            float(movement.unmerged_known),
            movement.behind_unmerges,
            f"{parted} since the version before; the budget is {{limit:.1%}}",
        ),
    }
    findings = []
    for name, (figure, counted, identifiers, sentence) in measured.items():
        limit = limits.get(name)
        if limit is None:
            continue
        is_exceeded = figure > limit.value and counted >= limit.floor
        accepted = _accepted(limit, figure, movement.compared_with, acceptances) if is_exceeded else None
        message = sentence.format(limit=limit.value) + _named(identifiers) if is_exceeded else ""
        findings.append(Finding(limit, figure, counted, is_exceeded, accepted, identifiers, message))
    return findings


def as_check_results(findings: Sequence[Finding]) -> list[CheckResult]:
    """Return the findings as results of gate 2.

    Parameters
    ----------
    findings
        What `judge` found.
    """
    by_name = {finding.limit.name: finding for finding in findings}
    results: list[CheckResult] = []
    for spec in budget_specs():
        finding = by_name.get(spec.name)
        if finding is None:
            results.append(CheckResult(spec=spec, is_success=True, observed="no limit"))
            continue
        message = finding.message
        if finding.is_refused:
            # Once is enough for one screen.
            message += "" if any(result.is_batch_refused for result in results) else _NEXT
        elif finding.acceptance is not None:
            message += (
                f". Accepted by {finding.acceptance.accepted_by} at {finding.acceptance.accepted_at:%Y-%m-%d %H:%M}"
            )
        results.append(
            CheckResult(
                spec=spec,
                is_success=not finding.is_refused,
                observed=f"{finding.figure:g}",
                message=message,
                is_batch_refused=finding.is_refused,
            )
        )
    return results


def write_stops(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    stopped_at: datetime,
    compared_with: str | None,
    findings: Sequence[Finding],
) -> None:
    """Keep what stopped a run, identifiers in clear, for whoever has to decide; a run that was not stopped leaves nothing.

    Parameters
    ----------
    connection
        The warehouse; the caller owns the transaction.
    run_id
        The run.
    stopped_at
        When, UTC without zone.
    compared_with
        The published version.
    findings
        What `judge` found.
    """
    connection.execute("delete from ops.identity_stops where run_id = ?", [run_id])
    for finding in findings:
        if finding.is_refused:
            identifiers = json.dumps([asdict(identifier) for identifier in finding.identifiers], ensure_ascii=False)
            connection.execute(
                "insert into ops.identity_stops values (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    run_id,
                    stopped_at,
                    finding.limit.name,
                    finding.figure,
                    finding.limit.value,
                    compared_with,
                    finding.message,
                    identifiers,
                ],
            )


def _accepted(
    limit: Limit, figure: float, compared_with: str | None, acceptances: Sequence[Acceptance]
) -> Acceptance | None:
    for acceptance in acceptances:
        is_same_ground = limit.name not in _AGAINST_VERSION or acceptance.compared_with == compared_with
        if (
            acceptance.limit_name == limit.name
            and is_same_ground
            and figure <= acceptance.figure * (1 + limit.headroom)
        ):
            return acceptance
    return None


def _named(identifiers: Sequence[Identifier]) -> str:
    if not identifiers:
        return ""
    named = ", ".join(
        f"{identifier.rule} {identifier.value[:1]}*** ({identifier.link_count:,} links)" for identifier in identifiers
    )
    return f". Behind it: {named}"


def _exists(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    row = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = ? and table_name = ?", [schema, table]
    ).fetchone()
    return bool(row and row[0])
