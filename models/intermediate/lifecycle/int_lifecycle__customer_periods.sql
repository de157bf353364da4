with

crm_signals as (
    select * from {{ ref('int_lifecycle__crm_signals') }}
),

signals as (
    select * from {{ ref('signals') }}
),

stages as (
    select * from {{ ref('stages') }}
),

-- the top of the ladder is reached by what advances to it, and left only by a return that starts there
moves as (
    select
        crm_signals.person_id,
        crm_signals.occurred_at,
        signals.kind = 'advance' as is_start,
        crm_signals.signal,
        crm_signals.record_id
    from crm_signals
    inner join signals
        on crm_signals.signal = signals.signal
    inner join stages
        on stages.stage = case when signals.kind = 'advance' then signals.to_stage else signals.from_min_stage end
    where
        stages.stage_rank = (select max(top_stages.stage_rank) from stages as top_stages)
        and signals.kind in ('advance', 'return')
        and not coalesce(crm_signals.is_of_former_employer, false)

    union all

    -- whoever changes the employer is no customer at the new one
    select
        person_id,
        occurred_at,
        false as is_start,
        signal,
        record_id
    from crm_signals
    where signal = 'job_changed'
),

changes as (
    select
        *,
        lag(is_start) over (
            partition by person_id order by occurred_at asc, is_start desc, record_id asc
        ) as was_start
    from moves
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
    window change_order as (partition by person_id order by occurred_at asc, is_start desc, record_id asc)
)

select
    person_id,
    occurred_at as began_at,
    next_at as ended_at,
    next_signal as ended_by_signal,
    next_record_id as ended_by_record_id
from boundaries
where is_start
