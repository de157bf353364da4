"""Judge identity by labels: how many true pairs it finds, how many of its pairs are true.

Pairs of records are counted over clusters, so every figure is one of closure too. B-cubed (Bagga and Baldwin 1998) asks the same of
each record: which share of its cluster belongs to it, which share of its own stands in its cluster.
What does not belong here: training (`training`), printing (`commands`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.errors import ConfigError
from orchestration.sql import quote_literal

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)


@dataclass(frozen=True)
class Judgement:
    """Figures of one way to cluster the labelled records.

    Parameters
    ----------
    name
        Which way.
    clusters
        Clusters that it makes.
    precision, recall
        Share of its pairs that are true; share of the true pairs that it makes.
    b3_precision, b3_recall
        The same, as the mean over records.
    largest
        Records in the largest cluster.
    """

    name: str
    clusters: int
    precision: float
    recall: float
    b3_precision: float
    b3_recall: float
    largest: int

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall over pairs."""
        return harmonic_mean(self.precision, self.recall)

    @property
    def b3_f1(self) -> float:
        """Return the harmonic mean of B-cubed precision and recall."""
        return harmonic_mean(self.b3_precision, self.b3_recall)


@dataclass(frozen=True)
class PairLabels:
    """What labelled pairs say of the final persons."""

    precision: float
    recall: float
    matches: int
    others: int

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        return harmonic_mean(self.precision, self.recall)


def harmonic_mean(left: float, right: float) -> float:
    """Return the harmonic mean of two shares; 0 where both are 0."""
    return 2 * left * right / (left + right) if left + right else 0.0


def read_labels(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    """Read a labels file into a temporary table.

    Parameters
    ----------
    connection
        Where the warehouse is attached or open.
    path
        CSV or parquet: either the true person of each record (``true_person`` with ``record_id``, or with ``source_table``,
        ``source_system`` and ``record_key``, where the first two may be left out), or pairs (``record_a``, ``record_b``, ``is_match``)
        by record id or record key.

    Returns
    -------
    str
        ``truth`` or ``pairs``, the table's name.

    Raises
    ------
    ConfigError
        If the file is missing or has other columns.
    """
    if not path.exists():
        raise ConfigError(f"there is no labels file {path}")
    reader = "read_parquet" if path.suffix == ".parquet" else "read_csv"
    options = "" if path.suffix == ".parquet" else ", all_varchar = true"
    relation = f"{reader}({quote_literal(str(path))}{options})"
    columns = {str(row[0]) for row in connection.execute(f"describe select * from {relation}").fetchall()}
    if {"record_a", "record_b", "is_match"} <= columns:
        connection.execute(
            f"""
            create or replace temporary table pairs as
            select
                record_a.person_id = record_b.person_id as is_found,
                cast(labels.is_match as boolean) as is_match
            from {relation} as labels
            join intermediate.int_identity__record_persons as record_a
                on labels.record_a in (record_a.record_id, record_a.record_key)
            join intermediate.int_identity__record_persons as record_b
                on labels.record_b in (record_b.record_id, record_b.record_key)
            """
        )
        return "pairs"
    keys = [key for key in ("record_id", "record_key", "source_table", "source_system") if key in columns]
    if "true_person" not in columns or not {"record_id", "record_key"} & set(keys):
        raise ConfigError(
            f"{path} has the columns {', '.join(sorted(columns))}; labels need true_person with record_id or record_key "
            "(and source_table, source_system), or record_a, record_b, is_match"
        )
    match = " and ".join(f"labels.{key} = persons.{key}" for key in keys)
    connection.execute(
        f"""
        create or replace temporary table truth as
        select persons.record_id, persons.person_id, clusters.cluster_id, cast(labels.true_person as varchar) as true_person
        from {relation} as labels
        join intermediate.int_identity__record_persons as persons on {match}
        join intermediate.int_identity__cluster_records as clusters on persons.record_id = clusters.record_id
        """
    )
    return "truth"


def judge_pairs(connection: duckdb.DuckDBPyConnection) -> PairLabels:
    """Return what the labelled pairs say of the final persons."""
    found = connection.execute(
        """
        select
            count(*) filter (where is_found and is_match), count(*) filter (where is_found),
            count(*) filter (where is_match), count(*)
        from pairs
        """
    ).fetchone() or (0, 0, 0, 0)
    both, linked, matches, total = (int(value) for value in found)
    return PairLabels(_share(both, linked), _share(both, matches), matches, total - matches)


def judge_all(connection: duckdb.DuckDBPyConnection, rules: Mapping[str, float]) -> list[Judgement]:
    """Judge exact links, exact and probable links at several thresholds and by the given rules, and the final persons.

    Parameters
    ----------
    connection
        With the table ``truth`` of `read_labels`.
    rules
        Thresholds as ``link_thresholds.csv`` names them.
    """
    found = [judge(connection, "exact links alone", {})]
    for threshold in THRESHOLDS:
        pairs = connection.execute(
            "select cluster_a, cluster_b from intermediate.int_identity__link_scores where match_probability >= ?",
            [threshold],
        ).fetchall()
        found.append(judge(connection, f"every pair from {threshold:g}", components(pairs)))
    pairs = connection.execute(
        """
        with judged as (
            select
                cluster_a, cluster_b,
                coalesce(sum(weight) filter (where evidence = 'name'), 0.0) as name_weight,
                count(*) filter (where evidence = 'contact' and weight >= $second_evidence_weight) as second_evidence
            from intermediate.int_identity__link_evidence where level >= 0 group by all
        )
        select cluster_a, cluster_b
        from intermediate.int_identity__link_scores join judged using (cluster_a, cluster_b)
        where match_probability >= $auto_probability and name_weight >= $name_weight
            and second_evidence >= $second_evidence_count
        """,
        {name: rules[name] for name in _AUTO_RULES},
    ).fetchall()
    found.append(judge(connection, "by the thresholds", components(pairs)))
    found.append(judge(connection, "persons as they are", None))
    return found


_AUTO_RULES = ("auto_probability", "name_weight", "second_evidence_count", "second_evidence_weight")


def band_size(connection: duckdb.DuckDBPyConnection, rules: Mapping[str, float]) -> int:
    """Return how many scored pairs at or above the review threshold are not linked."""
    row = connection.execute(
        """
        select count(*) from intermediate.int_identity__link_scores as scores
        join intermediate.int_identity__record_persons as person_a on scores.cluster_a = person_a.birth_order
        join intermediate.int_identity__record_persons as person_b on scores.cluster_b = person_b.birth_order
        where scores.match_probability >= ? and person_a.person_id <> person_b.person_id
        """,
        [rules["review_probability"]],
    ).fetchone()
    return int(row[0]) if row else 0


def components(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return the smallest member of each component, for every number that a pair names."""
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for left, right in pairs:
        first, second = sorted((root(left), root(right)))
        parent[second] = first
    return {node: root(node) for node in parent}


def judge(connection: duckdb.DuckDBPyConnection, name: str, merged: Mapping[int, int] | None) -> Judgement:
    """Judge one clustering of the labelled records.

    Parameters
    ----------
    connection
        With the table ``truth``.
    name
        What to call it.
    merged
        Cluster that each exact cluster is merged into, where it is; ``None`` judges the final persons.
    """
    connection.execute("create or replace temporary table merged (cluster_id bigint, root bigint)")
    if merged:
        connection.executemany("insert into merged values (?, ?)", list(merged.items()))
    label = "truth.person_id" if merged is None else "cast(coalesce(merged.root, truth.cluster_id) as varchar)"
    row = connection.execute(
        f"""
        with labelled as (
            select {label} as found, truth.true_person
            from truth left join merged on truth.cluster_id = merged.cluster_id
        ),
        cells as (select found, true_person, count(*) as n from labelled group by all),
        sized as (
            select
                n,
                sum(n) over (partition by found) as found_size,
                sum(n) over (partition by true_person) as true_size
            from cells
        )
        select
            (select count(distinct found) from labelled),
            (select sum(n * (n - 1) / 2) from cells),
            (select sum(n * (n - 1) / 2) from (select count(*) as n from labelled group by found)),
            (select sum(n * (n - 1) / 2) from (select count(*) as n from labelled group by true_person)),
            sum(n * n * 1.0 / found_size) / sum(n),
            sum(n * n * 1.0 / true_size) / sum(n),
            max(found_size)
        from sized
        """
    ).fetchone()
    if row is None or row[0] == 0:
        raise ConfigError("no labelled record is in the warehouse; do the labels name its keys?")
    clusters, both, found_pairs, true_pairs, b3_precision, b3_recall, largest = row
    return Judgement(
        name, int(clusters), _share(both, found_pairs), _share(both, true_pairs), b3_precision, b3_recall, int(largest)
    )


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else 1.0
