"""How good identity is in one run, as one row of figures: sizes, merges, guards, review band and, where the truth is known, precision.

Kept in ``ops.identity_quality`` over the runs and published as ``ops_identity_quality``; the same run again replaces its row.
What does not belong here: what is too much (`budget`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from orchestration.ingest.warehouse import OPS_TABLES
from orchestration.publish.movement import Movement
from orchestration.sql import qualified, quote_identifier, quote_literal

QUALITY_COLUMNS = OPS_TABLES["identity_quality"]
# Written by the sample company beside landing; real data has none.
_TRUTH_FILE = Path("truth") / "record_truth.parquet"
_REVIEW_TABLE = "mart_identity_review"


def measure_quality(
    connection: duckdb.DuckDBPyConnection, marts: Path, home: Path, movement: Movement
) -> dict[str, Any]:
    """Measure one version.

    Parameters
    ----------
    connection
        The warehouse.
    marts
        The marts file of the version that was just built.
    home
        The home, whose truth folder is read when there is one.
    movement
        What changed against the version before.

    Returns
    -------
    dict
        Every column of ``ops.identity_quality`` but ``run_id``, ``measured_at`` and ``is_refused``.
    """
    connection.execute(f"attach {quote_literal(str(marts))} as measured (read_only)")
    try:
        return {
            "compared_with": movement.compared_with,
            "known_before_count": movement.known_before,
            "merged_count": movement.merged,
            "merged_known_count": movement.merged_known,
            "unmerged_count": movement.unmerged,
            **_sizes(connection),
            **_links(connection),
            **_clusters(connection),
            **_review(connection),
            **_truth(connection, home / _TRUTH_FILE),
        }
    finally:
        connection.execute("detach measured")


def write_quality(connection: duckdb.DuckDBPyConnection, quality: Mapping[str, Any]) -> None:
    """Write one run's row in place of any that it has already.

    Parameters
    ----------
    connection
        The warehouse; the caller owns the transaction.
    quality
        Every column of ``ops.identity_quality``.
    """
    names = [name for name, _ in QUALITY_COLUMNS]
    connection.execute("delete from ops.identity_quality where run_id = ?", [quality["run_id"]])
    connection.execute(
        f"insert into ops.identity_quality ({', '.join(map(quote_identifier, names))}) values ({', '.join('?' * len(names))})",
        [quality[name] for name in names],
    )


def _named(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    return dict(zip(names, cursor.fetchone() or (), strict=True))


def _sizes(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    return _named(
        connection,
        """
        with sizes as (
            select person_id, count(*) as records from measured.marts.bridge_person_record group by person_id
        ),

        persons as (
            select count(*) as persons, count(*) filter (where is_anonymous) as anonymous from measured.marts.dim_person
        )

        select
            cast(coalesce(sum(sizes.records), 0) as bigint) as record_count,
            any_value(persons.persons) as person_count,
            any_value(persons.persons - persons.anonymous) as known_person_count,
            any_value(persons.anonymous) as anonymous_person_count,
            coalesce(max(sizes.records), 0) as largest_person_records,
            quantile_disc(sizes.records, 0.99) as p99_person_records,
            avg(sizes.records) as mean_person_records
        from persons
        left join sizes on true
        """,
    )


def _links(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    return _named(
        connection,
        """
        with guarded as (
            select guard_reason, count(*) as identifiers
            from measured.marts.mart_identity_guarded
            group by guard_reason
        )

        select
            (select count(*) from measured.marts.mart_identity_edge where is_admitted) as link_count,
            (select count(*) from measured.marts.mart_identity_edge where not is_admitted) as refused_link_count,
            (select cast(coalesce(sum(identifiers), 0) as bigint) from guarded) as guarded_count,
            (
                select coalesce('{' || string_agg('"' || guard_reason || '": ' || identifiers, ', ' order by guard_reason) || '}', '{}')
                from guarded
            ) as guarded_by_reason
        """,
    )


def _clusters(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    return _named(
        connection,
        """
        select
            (select count(distinct cluster_id) from intermediate.int_identity__cluster_records) as cluster_count,
            (select max(as_of) from ops.as_of) as as_of
        """,
    )


def _review(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    exists = _named(
        connection,
        "select count(*) as tables from duckdb_tables() where database_name = 'measured' "
        f"and table_name = {quote_literal(_REVIEW_TABLE)}",
    )
    if not exists["tables"]:
        return {"review_pair_count": None}
    return _named(connection, f"select count(*) as review_pair_count from measured.{qualified('marts', _REVIEW_TABLE)}")


def _truth(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, Any]:
    """Return precision over all pairs found, and recall over the true pairs that share any evidence."""
    if not path.exists():
        return {"pair_precision": None, "pair_recall": None}
    return _named(
        connection,
        f"""
        with
            linked as (
                select bridge.person_id, truth.true_person, truth.evidence_group
                from measured.marts.bridge_person_record as bridge
                inner join read_parquet({quote_literal(str(path))}) as truth
                    on bridge.record_id = md5(truth.source_system || '|' || truth.source_table || '|' || truth.record_key)
            ),

            found as (select count(*) as n from linked group by person_id),
            agreed as (select count(*) as n from linked group by person_id, true_person),
            possible as (select count(*) as n from linked group by true_person, evidence_group),
            reached as (select count(*) as n from linked group by person_id, true_person, evidence_group)

        select
            (select sum(n * (n - 1)) from agreed) / nullif((select sum(n * (n - 1)) from found), 0) as pair_precision,
            (select sum(n * (n - 1)) from reached) / nullif((select sum(n * (n - 1)) from possible), 0) as pair_recall
        """,
    )
