with

steward_decisions as (
    select * from {{ ref('int_identity__steward_decisions') }}
),

decision_records as (
    select * from {{ ref('int_identity__decision_records') }}
),

steward_conflicts as (
    select * from {{ ref('int_identity__steward_conflicts') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

side_persons as (
    select
        decision_records.decision_id,
        decision_records.side,
        record_persons.person_id,
        count(*) as record_count
    from decision_records
    inner join record_persons
        on decision_records.record_id = record_persons.record_id
    group by decision_records.decision_id, decision_records.side, record_persons.person_id
),

counts as (
    select
        decision_id,
        coalesce(sum(record_count) filter (where side = 'left'), 0) as left_record_count,
        coalesce(sum(record_count) filter (where side = 'right'), 0) as right_record_count,
        count(distinct person_id) as person_count,
        min(person_id) filter (where side = 'left') as left_person_id,
        min(person_id) filter (where side = 'right') as right_person_id
    from side_persons
    group by decision_id
)

select
    steward_decisions.decision_id,
    steward_decisions.decision,
    steward_decisions.left_type,
    steward_decisions.left_value,
    steward_decisions.right_type,
    steward_decisions.right_value,
    steward_decisions.decided_by,
    steward_decisions.reason,
    counts.left_person_id,
    counts.right_person_id,
    case
        when not steward_decisions.is_effective then 'not_yet'
        when steward_conflicts.decision_id is not null then 'violated'
        when coalesce(counts.left_record_count, 0) = 0 then 'matches_nothing'
        when steward_decisions.decision = 'block_identifier' then 'blocked'
        when coalesce(counts.right_record_count, 0) = 0 then 'matches_nothing'
        when steward_decisions.decision = 'cannot_link' then 'kept_apart'
        when counts.left_person_id = counts.right_person_id then 'linked'
        else 'refused'
    end as effect,
    cast(coalesce(counts.left_record_count, 0) as bigint) as left_record_count,
    cast(coalesce(counts.right_record_count, 0) as bigint) as right_record_count,
    coalesce(counts.person_count, 0) as person_count,
    steward_decisions.is_effective,
    steward_decisions.decided_at
from steward_decisions
left join counts
    on steward_decisions.decision_id = counts.decision_id
left join steward_conflicts
    on steward_decisions.decision_id = steward_conflicts.decision_id
