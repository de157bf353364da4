with

signals as (
    select * from {{ ref('int_lifecycle__signals') }}
    where signal in ('disqualified', 'requalified')
),

business_day as (
    select * from {{ ref('business_day') }}
),

changes as (
    select
        person_id,
        occurred_at,
        signal = 'disqualified' as is_start,
        record_id,
        lag(signal) over (
            partition by person_id order by occurred_at asc, signal_phase asc, record_id asc
        ) as previous_signal
    from signals
),

boundaries as (
    select
        person_id,
        occurred_at,
        is_start,
        record_id,
        lead(occurred_at) over (partition by person_id order by occurred_at asc, is_start asc, record_id asc) as next_at
    from changes
    where is_start <> (coalesce(previous_signal, 'requalified') = 'disqualified')
)

-- taken back on the company's day itself, it was a slip of the hand: a status of hours and no new cycle
select
    boundaries.person_id,
    boundaries.occurred_at as began_at,
    boundaries.next_at as ended_at,
    boundaries.record_id,
    coalesce(
        {{ local_day('boundaries.next_at', 'business_day.time_zone') }}
        = {{ local_day('boundaries.occurred_at', 'business_day.time_zone') }},
        false
    ) as is_taken_back_same_day
from boundaries
cross join business_day
where boundaries.is_start
