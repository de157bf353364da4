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

opportunity_periods as (
    select * from {{ ref('int_lifecycle__opportunity_periods') }}
    where person_id is not null
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
    inner join opportunity_periods
        on
            mapped.person_id = opportunity_periods.person_id
            and mapped.occurred_at >= opportunity_periods.opened_at
            and (opportunity_periods.closed_at is null or mapped.occurred_at < opportunity_periods.closed_at)
            and mapped.record_id <> opportunity_periods.opportunity_record_id
    where mapped.kind = 'return'
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
    mapped.signal,
    mapped.kind,
    mapped.is_rejection,
    mapped.is_handover,
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
