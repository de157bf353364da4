with

crm_signals as (
    select * from {{ ref('int_lifecycle__crm_signals') }}
),

lapses as (
    select * from {{ ref('int_lifecycle__lapses') }}
),

-- every return signal counts here, whether it moves anybody or not: what counts must not depend on the ledger's rows
unioned as (
    select
        person_id,
        occurred_at
    from crm_signals
    where
        kind in ('return', 'new_cycle')
        and not is_held_by_open_opportunity
        and not coalesce(is_of_former_employer, false)

    union all

    select
        person_id,
        occurred_at
    from lapses
)

select
    person_id,
    occurred_at,
    count(*) as signal_count
from unioned
group by
    person_id,
    occurred_at
