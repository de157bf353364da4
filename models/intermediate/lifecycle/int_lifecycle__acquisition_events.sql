with

judged_signals as (
    select * from {{ ref('int_lifecycle__judged_signals') }}
    where handling = 'acquisition'
),

-- advances at one instant are one event, the highest; everything else keeps its own
collapsed as (
    select *
    from judged_signals
    qualify
        kind <> 'advance'
        or row_number() over (
            partition by person_id, occurred_at, kind
            order by target_rank desc, source_priority asc, record_id asc nulls last, signal asc
        ) = 1
)

select
    person_id,
    occurred_at,
    stated_at,
    is_date_only,
    signal,
    kind,
    route,
    record_id,
    source_table,
    is_rejection,
    case when kind = 'advance' then target_rank end as up_rank,
    case when kind <> 'advance' then target_rank end as down_rank,
    -- the rank that must be held for the event to act; a new cycle asks for none
    case when kind = 'return' then greatest(coalesce(from_min_rank, 0), target_rank + 1) else 0 end as needed_rank,
    -- the rank above which it does not act; only a lapse has one
    case when kind = 'return' then from_max_rank end as highest_rank,
    row_number() over (
        partition by person_id
        order by
            occurred_at asc,
            signal_phase asc,
            target_rank asc,
            source_priority asc,
            record_id asc nulls last,
            signal asc,
            from_min_rank asc
    ) as event_number
from collapsed
