"""How right identity is on the sample company, whose truth is known: pairs, B-cubed, the largest cluster.

A pair counts for recall when usable evidence connects its two records, over any number of records of the same person: what shares
nothing can be found by nobody. B-cubed is asked the same way: a record's true companions are those that evidence connects it with.
The same figures for 100,000 people: ``python benchmarks/identity.py --sample-people 100000``.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import Settings

MIN_PAIR_PRECISION = 0.999
MIN_PAIR_RECALL = 0.97
MIN_B_CUBED = 0.98


@dataclass(frozen=True)
class Figures:
    """Shares between 0 and 1; sizes in records."""

    pair_precision: float
    pair_recall: float
    b_cubed_precision: float
    b_cubed_recall: float
    b_cubed_recall_of_all: float
    largest_person: int
    largest_true_person: int
    records: int

    @property
    def b_cubed(self) -> float:
        """Harmonic mean of the two B-cubed shares."""
        return 2 * self.b_cubed_precision * self.b_cubed_recall / (self.b_cubed_precision + self.b_cubed_recall)


@pytest.fixture(scope="module")
def figures(warehouse_home: Settings, sample_truth_dir: Path) -> Figures:
    """Compare the bridge of records with the truth, record by record; nothing is sampled."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{warehouse_home.warehouse_path}' as warehouse (read_only)")
        connection.execute(
            f"""
            create table compared as
            select bridge.record_id, bridge.person_id, truth.true_person, truth.evidence_group
            from warehouse.marts.bridge_person_record as bridge
            inner join read_parquet('{sample_truth_dir}/record_truth.parquet') as truth
                on bridge.record_id = md5(truth.source_system || '|' || truth.source_table || '|' || truth.record_key)
            """
        )
        row = connection.execute(
            """
            with sizes as (
                select
                    count(*) over (partition by person_id) as found,
                    count(*) over (partition by true_person) as true_size,
                    count(*) over (partition by true_person, evidence_group) as evident,
                    count(*) over (partition by person_id, true_person) as right_found,
                    count(*) over (partition by person_id, true_person, evidence_group) as right_evident
                from compared
            )

            select
                sum(right_found - 1) / sum(found - 1),
                sum(right_evident - 1) / sum(evident - 1),
                avg(right_found / found),
                avg(right_evident / evident),
                avg(right_found / true_size),
                max(found),
                max(true_size),
                count(*)
            from sizes
            """
        ).fetchall()[0]
    return Figures(*row)


def test_the_figures_are_shown(figures: Figures, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(  # noqa: T201 - for whoever reads the test run
            f"\nidentity of {figures.records} records: pairs {figures.pair_precision:.4f} / {figures.pair_recall:.4f}, "
            f"B-cubed {figures.b_cubed_precision:.4f} / {figures.b_cubed_recall:.4f} (of all true companions {figures.b_cubed_recall_of_all:.4f}), "
            f"largest person {figures.largest_person} records, in truth {figures.largest_true_person}"
        )
    assert figures.records > 0


def test_records_of_two_people_are_one_person_in_fewer_than_one_pair_of_a_thousand(figures: Figures) -> None:
    assert figures.pair_precision >= MIN_PAIR_PRECISION


def test_pairs_that_evidence_connects_are_found(figures: Figures) -> None:
    assert figures.pair_recall >= MIN_PAIR_RECALL


def test_the_usual_record_has_its_companions_and_no_others(figures: Figures) -> None:
    assert figures.b_cubed >= MIN_B_CUBED


def test_nobody_has_more_records_than_the_largest_person_in_truth(figures: Figures) -> None:
    assert figures.largest_person <= figures.largest_true_person
