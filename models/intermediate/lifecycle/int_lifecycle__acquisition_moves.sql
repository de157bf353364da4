with

fold as (
    select * from {{ ref('int_lifecycle__acquisition_fold') }}
),

moves as (
    select
        *,
        case
            when kind = 'advance' and rank_after > rank_before then 'advance'
            when kind = 'return' and rank_after < rank_before then 'return'
            when kind = 'new_cycle' and rank_before > 0 then 'new_cycle'
        end as move
    from fold
)

select
    person_id,
    'acquisition' as track,
    occurred_at as entered_at,
    is_date_only,
    event_number,
    signal,
    record_id,
    source_table,
    route,
    move,
    rank_before,
    rank_after,
    cast(1 + sum(case when move in ('return', 'new_cycle') then 1 else 0 end) over (
        partition by person_id order by event_number
        rows between unbounded preceding and current row
    ) as integer) as cycle_number
from moves
where move is not null
