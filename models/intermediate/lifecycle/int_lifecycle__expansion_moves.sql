with

expansion_steps as (
    select * from {{ ref('int_lifecycle__expansion_steps') }}
)

select
    person_id,
    'expansion' as track,
    occurred_at as entered_at,
    is_date_only,
    event_number,
    signal,
    record_id,
    source_table,
    cast(null as varchar) as route,
    move,
    rank_before,
    target_rank as rank_after,
    cycle_number
from expansion_steps
where move <> 'join'
