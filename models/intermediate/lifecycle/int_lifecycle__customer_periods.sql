with

signals as (
    select * from {{ ref('int_lifecycle__signals') }}
),

disqualified_periods as (
    select * from {{ ref('int_lifecycle__disqualified_periods') }}
),

stages as (
    select * from {{ ref('stages') }}
),

top_rank as (
    select max(stage_rank) as stage_rank
    from stages
),

-- the top of the ladder is reached by what advances to it, and left only by a return that starts there or by a change of the employer:
-- nobody is a customer at the new one
top_moves as (
    select
        signals.person_id,
        signals.occurred_at,
        signals.signal_phase,
        signals.kind = 'advance' as is_start,
        signals.signal,
        signals.record_id
    from signals
    cross join top_rank
    where
        (
            (signals.kind = 'advance' and signals.target_rank = top_rank.stage_rank)
            or (signals.kind = 'return' and signals.from_min_rank = top_rank.stage_rank)
            or signals.signal = 'job_changed'
        )
        and not coalesce(signals.is_of_former_employer, false)
        and not coalesce(signals.is_held_by_open_opportunity, false)
),

-- a win of somebody disqualified is muted on the ladder, so it makes no customer here either
muted_wins as (
    select distinct
        top_moves.person_id,
        top_moves.occurred_at
    from top_moves
    inner join disqualified_periods
        on
            top_moves.person_id = disqualified_periods.person_id
            and top_moves.occurred_at > disqualified_periods.began_at
            and (disqualified_periods.ended_at is null or top_moves.occurred_at < disqualified_periods.ended_at)
    where top_moves.is_start
),

changes as (
    select
        top_moves.*,
        lag(top_moves.is_start) over (
            partition by top_moves.person_id
            order by top_moves.occurred_at asc, top_moves.signal_phase asc, top_moves.record_id asc
        ) as was_start
    from top_moves
    left join muted_wins
        on
            top_moves.person_id = muted_wins.person_id
            and top_moves.occurred_at = muted_wins.occurred_at
    where not top_moves.is_start or muted_wins.person_id is null
),

boundaries as (
    select
        person_id,
        occurred_at,
        is_start,
        lead(occurred_at) over change_order as next_at,
        lead(signal) over change_order as next_signal,
        lead(record_id) over change_order as next_record_id
    from changes
    where is_start <> coalesce(was_start, false)
    window change_order as (partition by person_id order by occurred_at asc, signal_phase asc, record_id asc)
)

select
    person_id,
    occurred_at as began_at,
    next_at as ended_at,
    next_signal as ended_by_signal,
    next_record_id as ended_by_record_id
from boundaries
where is_start
