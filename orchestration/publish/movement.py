"""How identity moved between the version that is published and the one about to be: figures, and the identifiers behind them.

Compares the two published versions inside DuckDB, so it works on any home, says nothing when nothing was published before, and needs no
memory of its own. A person is merged when the record that gave the id now belongs to another person, and un-merged the other way round;
an id that is gone because the night looks back to an earlier moment is neither.
What does not belong here: which movement is too much (`budget`) and keeping the figures (`publisher`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.publish.build import MARTS_FILE, PEOPLE_FILE
from orchestration.sql import quote_literal

_NAMED_IDENTIFIERS = 5
_MEASURED_TABLES = frozenset(
    {"bridge_person_identifier", "bridge_person_record", "dim_person", "mart_identity_decision", "mart_identity_edge"}
)


@dataclass(frozen=True)
class Identifier:
    """One identifier behind a movement.

    Parameters
    ----------
    rule
        What links by it, such as ``email``.
    value
        In clear; only for the person at the keyboard.
    link_count
        Links that it made.
    """

    rule: str
    value: str
    link_count: int


@dataclass(frozen=True)
class Movement:
    """What one night did to identity.

    Parameters
    ----------
    compared_with
        Version that was published before; ``None`` when nothing was.
    largest_person_id, largest_person_records
        The person with the most records.
    largest_before
        Records of the largest person of the version before; 0 when nothing was published.
    known_before
        Persons of the version before that were not anonymous.
    merged_known
        Those of them that are merged into another person now.
    merged, unmerged
        All ids that were merged, and all that became a person of their own again.
    behind_largest
        Identifiers that hold the largest person together, most links first.
    behind_merges
        Identifiers that joined what were several known persons before.
    unmerged_known
        Known persons among the un-merged, without those that a steward parted: a decision is on record already.
    behind_unmerges
        Identifiers whose links were refused where persons came apart: what brought the conflict has the most.
    """

    compared_with: str | None
    largest_person_id: str
    largest_person_records: int
    largest_before: int
    known_before: int
    merged_known: int
    merged: int
    unmerged: int
    behind_largest: Sequence[Identifier] = ()
    behind_merges: Sequence[Identifier] = ()
    unmerged_known: int = 0
    behind_unmerges: Sequence[Identifier] = ()


def measure_movement(new: Path, before: Path | None) -> Movement | None:
    """Compare two versions.

    Parameters
    ----------
    new
        Folder of the version that was just built.
    before
        Folder of the published one; ``None`` when nothing is published.

    Returns
    -------
    Movement or None
        ``None`` when the new version has no tables of identity, as in a checkout without those models.
    """
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        _attach(connection, new, "new")
        if not _tables(connection, "new_marts") >= _MEASURED_TABLES:
            return None
        has_before = before is not None
        if before is not None:
            _attach(connection, before, "old")
            has_before = {"bridge_person_record", "dim_person"} <= _tables(connection, "old_marts")
        _prepare(connection, has_before=has_before)
        largest_person, largest_records = _one(
            connection,
            "select max_by(person_id, (record_count, person_id)), coalesce(max(record_count), 0) from new_sizes",
        )
        (largest_before,) = _one(connection, "select coalesce(max(record_count), 0) from old_sizes")
        (known_before,) = _one(connection, "select count(*) from old_persons where not is_anonymous")
        merged, merged_known = _one(
            connection, "select count(*), count(*) filter (where not is_anonymous) from merged_persons"
        )
        unmerged, unmerged_known = _one(
            connection,
            "select count(*), count(*) filter (where not is_anonymous and not is_decided) from unmerged_persons",
        )
        return Movement(
            compared_with=before.name if before is not None and has_before else None,
            largest_person_id=str(largest_person or ""),
            largest_person_records=int(largest_records),
            largest_before=int(largest_before),
            known_before=int(known_before),
            merged_known=int(merged_known),
            merged=int(merged),
            unmerged=int(unmerged),
            behind_largest=_behind_largest(connection, largest_person),
            behind_merges=_behind_merges(connection),
            unmerged_known=int(unmerged_known),
            behind_unmerges=_behind_unmerges(connection),
        )


def _attach(connection: duckdb.DuckDBPyConnection, folder: Path, name: str) -> None:
    connection.execute(f"attach {quote_literal(str(folder / MARTS_FILE))} as {name}_marts (read_only)")
    connection.execute(f"attach {quote_literal(str(folder / PEOPLE_FILE))} as {name}_people (read_only)")


def _tables(connection: duckdb.DuckDBPyConnection, database: str) -> set[str]:
    return {
        row[0]
        for row in connection.execute(
            "select table_name from duckdb_tables() where database_name = ?", [database]
        ).fetchall()
    }


def _prepare(connection: duckdb.DuckDBPyConnection, *, has_before: bool) -> None:
    connection.execute(
        "create temporary view new_records as select record_id, person_id from new_marts.marts.bridge_person_record"
    )
    connection.execute(
        "create temporary view old_records as select record_id, person_id from old_marts.marts.bridge_person_record"
        if has_before
        else "create temporary view old_records as select '' as record_id, '' as person_id where false"
    )
    connection.execute(
        "create temporary view old_persons as select person_id, is_anonymous from old_marts.marts.dim_person"
        if has_before
        else "create temporary view old_persons as select '' as person_id, false as is_anonymous where false"
    )
    for name in ("new", "old"):
        connection.execute(
            f"create temporary table {name}_sizes as select person_id, count(*) as record_count from {name}_records group by person_id"
        )
    connection.execute(
        """
        create temporary table merged_persons as
        select old_persons.person_id as merged_person_id, old_persons.is_anonymous, new_records.person_id
        from old_persons
        inner join new_records on old_persons.person_id = new_records.record_id
        where new_records.person_id <> old_persons.person_id
        """
    )
    connection.execute(
        """
        create temporary table unmerged_persons as
        with decided as (
            select person_id from new_marts.marts.bridge_person_identifier where guard_reason = 'steward_block'
            union
            select left_person_id from new_marts.marts.mart_identity_decision where effect = 'kept_apart'
            union
            select right_person_id from new_marts.marts.mart_identity_decision where effect = 'kept_apart'
        )

        select
            new_persons.person_id,
            new_persons.is_anonymous,
            old_records.person_id as old_person_id,
            new_persons.person_id in (select person_id from decided where person_id is not null) as is_decided
        from new_marts.marts.dim_person as new_persons
        inner join old_records on new_persons.person_id = old_records.record_id
        where old_records.person_id <> new_persons.person_id
        """
    )


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    return connection.execute(query).fetchone() or ()


def _behind_largest(connection: duckdb.DuckDBPyConnection, person_id: str | None) -> list[Identifier]:
    return _identifiers(
        connection.execute(
            f"""
            select link_rule, coalesce(link_value, '') as link_value, count(*) as link_count
            from new_people.marts.mart_identity_edge
            where is_admitted and person_id_a = ?
            group by 1, 2
            order by 3 desc, 1, 2
            limit {_NAMED_IDENTIFIERS}
            """,
            [person_id],
        ).fetchall()
    )


def _behind_merges(connection: duckdb.DuckDBPyConnection) -> list[Identifier]:
    """Return what joins records that were not of one person before, in persons that took a known one in.

    A record that is new was of nobody before, so every link from it counts: new records often are what bridges two persons.
    """
    return _identifiers(
        connection.execute(
            f"""
            with grown as (
                select distinct person_id from merged_persons where not is_anonymous
            )

            select edge.link_rule, coalesce(edge.link_value, '') as link_value, count(*) as link_count
            from new_people.marts.mart_identity_edge as edge
            inner join grown on edge.person_id_a = grown.person_id
            left join old_records as old_a on edge.record_id_a = old_a.record_id
            left join old_records as old_b on edge.record_id_b = old_b.record_id
            where edge.is_admitted
                and (old_a.person_id is null or old_b.person_id is null or old_a.person_id <> old_b.person_id)
            group by 1, 2
            order by 3 desc, 1, 2
            limit {_NAMED_IDENTIFIERS}
            """
        ).fetchall()
    )


def _behind_unmerges(connection: duckdb.DuckDBPyConnection) -> list[Identifier]:
    return _identifiers(
        connection.execute(
            f"""
            with parted as (
                select person_id from unmerged_persons
                union
                select old_person_id from unmerged_persons
            )

            select edge.link_rule, coalesce(edge.link_value, '') as link_value, count(*) as link_count
            from new_people.marts.mart_identity_edge as edge
            where not edge.is_admitted
                and (edge.person_id_a in (select person_id from parted) or edge.person_id_b in (select person_id from parted))
            group by 1, 2
            order by 3 desc, 1, 2
            limit {_NAMED_IDENTIFIERS}
            """
        ).fetchall()
    )


def _identifiers(rows: Sequence[tuple[Any, ...]]) -> list[Identifier]:
    return [Identifier(rule=str(rule), value=str(value), link_count=int(count)) for rule, value, count in rows]
