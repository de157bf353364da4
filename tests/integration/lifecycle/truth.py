"""How much of the sample company's known truth the warehouse found: pairs of records, current stages, stage entries.

Written in SQL over the truth files and the marts alone, without a look at the models.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb


@dataclass(frozen=True)
class Agreement:
    """Shares between 0 and 1 over everything that the truth folder knows."""

    pair_precision: float
    pair_recall: float
    right_current_stages: float
    right_stage_entries: float
    persons: int
    true_persons: int


def compare_with_truth(marts: Path, truth_dir: Path) -> Agreement:
    """Compare marts with the truth of the sample company.

    Parameters
    ----------
    marts
        A DuckDB file with ``marts.bridge_person_record`` and ``marts.fct_lifecycle_transition``, record keys unmasked.
    truth_dir
        The folder that `write_sample` wrote beside landing.

    Returns
    -------
    Agreement
        Pairs count within the truth's evidence groups for recall, over everything for precision.
    """
    connection = duckdb.connect()
    connection.execute(f"attach '{marts}' as published (read_only)")
    for name in ("record_truth", "stage_entries", "current_stages"):
        connection.execute(f"create view {name} as select * from '{truth_dir}/{name}.parquet'")
    connection.execute(
        """
        create table linked as
        select bridge.record_id, bridge.person_id, record_truth.true_person, record_truth.evidence_group
        from published.marts.bridge_person_record as bridge
        join record_truth
            on bridge.record_id = md5(
                record_truth.source_system || '|' || record_truth.source_table || '|' || record_truth.record_key
            )
        """
    )
    found, right = connection.execute(
        """
        with
            found as (select person_id, count(*) as n from linked group by all),
            agreed as (select person_id, true_person, count(*) as n from linked group by all)
        select (select sum(n * (n - 1) / 2) from found), (select sum(n * (n - 1) / 2) from agreed)
        """
    ).fetchone()
    possible, reached = connection.execute(
        """
        with
            possible as (select true_person, evidence_group, count(*) as n from linked group by all),
            reached as (select person_id, true_person, evidence_group, count(*) as n from linked group by all)
        select (select sum(n * (n - 1) / 2) from possible), (select sum(n * (n - 1) / 2) from reached)
        """
    ).fetchone()
    connection.execute(
        """
        create table matched as
        select true_person, person_id
        from (select true_person, person_id, count(*) as n, min(record_id) as first_record from linked group by all)
        qualify row_number() over (partition by true_person order by n desc, first_record) = 1
        """
    )
    (right_stages,) = connection.execute(
        """
        select avg(case when ledger.stage = current_stages.stage and ledger.entry_number = current_stages.entry_number
            then 1.0 else 0.0 end)
        from current_stages
        join matched using (true_person)
        left join published.marts.fct_lifecycle_transition as ledger
            on matched.person_id = ledger.person_id and ledger.is_current and ledger.track = current_stages.track
        where current_stages.track = 'acquisition'
        """
    ).fetchone()
    (right_entries,) = connection.execute(
        """
        select avg(case when ledger.person_id is not null then 1.0 else 0.0 end)
        from stage_entries
        join matched using (true_person)
        left join published.marts.fct_lifecycle_transition as ledger
            on matched.person_id = ledger.person_id
            and ledger.track = stage_entries.track
            and ledger.stage = stage_entries.stage
            and ledger.entry_number = stage_entries.entry_number
            and abs(epoch(ledger.entered_at) - epoch(stage_entries.entered_at)) < 1
        """
    ).fetchone()
    (persons,) = connection.execute("select count(distinct person_id) from linked").fetchone()
    (true_persons,) = connection.execute("select count(distinct true_person) from linked").fetchone()
    return Agreement(
        pair_precision=right / found,
        pair_recall=reached / possible,
        right_current_stages=right_stages,
        right_stage_entries=right_entries,
        persons=persons,
        true_persons=true_persons,
    )
