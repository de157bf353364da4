with

facts as (
    select * from {{ ref('int_lifecycle__crm_facts') }}
),

status_map as (
    select * from {{ ref('crm_status_map') }}
),

signals as (
    select * from {{ ref('signals') }}
),

opportunity_stints as (
    select * from {{ ref('int_lifecycle__opportunity_stints') }}
    where person_id is not null
),

job_changes as (
    select * from {{ ref('int_lifecycle__job_changes') }}
),

mapped as (
    select
        facts.person_id,
        facts.occurred_at,
        facts.is_date_only,
        facts.object_type,
        facts.object_id,
        facts.record_id,
        facts.source_table,
        facts.source_system,
        facts.account_id,
        status_map.signal,
        signals.kind,
        signals.is_rejection,
        signals.is_handover
    from facts
    inner join status_map
        on
            facts.object_type = status_map.object_type
            and facts.field = status_map.field
            and facts.value = status_map.value
    inner join signals
        on status_map.signal = signals.signal
    where
        status_map.signal <> 'crm_mql'
        or '{{ var("mql_source") }}' <> 'computed'
),

-- another opportunity of the same person that is open at that instant
open_beside as (
    select distinct
        mapped.record_id,
        mapped.signal,
        mapped.occurred_at,
        mapped.person_id
    from mapped
    inner join opportunity_stints
        on
            mapped.person_id = opportunity_stints.person_id
            and mapped.occurred_at >= opportunity_stints.opened_at
            and (opportunity_stints.closed_at is null or mapped.occurred_at < opportunity_stints.closed_at)
            and not (
                mapped.object_type = 'opportunity'
                and mapped.object_id = opportunity_stints.opportunity_id
                and mapped.source_system = opportunity_stints.source_system
            )
    where mapped.kind = 'return'
),

-- an employer that a person has left, until the person comes back to it
left_employers as (
    select
        person_id,
        from_account_id as account_id,
        changed_at as left_at
    from job_changes
),

of_former_employers as (
    select distinct
        mapped.record_id,
        mapped.signal,
        mapped.occurred_at,
        mapped.person_id
    from mapped
    inner join left_employers
        on
            mapped.person_id = left_employers.person_id
            and mapped.account_id = left_employers.account_id
            and mapped.occurred_at >= left_employers.left_at
    left join job_changes
        on
            left_employers.person_id = job_changes.person_id
            and left_employers.account_id = job_changes.to_account_id
            and left_employers.left_at < job_changes.changed_at
            and mapped.occurred_at >= job_changes.changed_at
    where job_changes.person_id is null
)

-- while an opportunity is open, neither a lead's rejection nor another one's loss returns anybody
select
    mapped.person_id,
    mapped.occurred_at,
    mapped.is_date_only,
    mapped.object_type,
    mapped.object_id,
    mapped.record_id,
    mapped.source_table,
    mapped.source_system,
    mapped.account_id,
    mapped.signal,
    mapped.kind,
    mapped.is_rejection,
    mapped.is_handover,
    of_former_employers.record_id is not null as is_of_former_employer,
    open_beside.record_id is not null
    and (mapped.object_type in ('lead', 'contact') and mapped.is_rejection or mapped.object_type = 'opportunity')
        as is_held_by_open_opportunity
from mapped
left join open_beside
    on
        mapped.record_id = open_beside.record_id
        and mapped.signal = open_beside.signal
        and mapped.occurred_at = open_beside.occurred_at
        and mapped.person_id = open_beside.person_id
left join of_former_employers
    on
        mapped.record_id = of_former_employers.record_id
        and mapped.signal = of_former_employers.signal
        and mapped.occurred_at = of_former_employers.occurred_at
        and mapped.person_id = of_former_employers.person_id
