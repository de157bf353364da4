with

entries as (
    select * from {{ ref('int_lifecycle__entries') }}
    where track = 'acquisition'
),

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
    where is_engagement
),

stages as (
    select * from {{ ref('stages') }}
),

born as (
    select
        person_id,
        min(entered_at) as entered_at
    from entries
    group by person_id
),

-- somebody who never engaged is counted from the first ledger row
moments as (
    select
        person_id,
        occurred_at
    from interactions

    union all

    select
        person_id,
        entered_at as occurred_at
    from born
),

shortest as (
    select min(dormant_days) as dormant_days
    from stages
),

-- between two touches of one slice of time, as long as the shortest patience, nobody falls asleep: so what bounds a dormant time is
-- the last touch of a slice and the first of the next that has any, and no touch besides those need be sorted
slices as (
    select
        moments.person_id,
        floor({{ epoch_seconds('moments.occurred_at') }} / (shortest.dormant_days * 86400.0)) as slice_number,
        min(moments.occurred_at) as first_at,
        max(moments.occurred_at) as last_at
    from moments
    cross join shortest
    group by
        moments.person_id,
        floor({{ epoch_seconds('moments.occurred_at') }} / (shortest.dormant_days * 86400.0))
),

gaps as (
    select
        person_id,
        last_at as quiet_since,
        lead(first_at) over (partition by person_id order by slice_number) as awake_at
    from slices
),

long_gaps as (
    select gaps.*
    from gaps
    cross join shortest
    where {{ days_between('gaps.quiet_since', 'coalesce(gaps.awake_at, ' ~ as_of() ~ ')') }} > shortest.dormant_days
),

-- the stage that is held during the gap decides, so a return in the middle of a gap changes what counts as long
candidates as (
    select
        long_gaps.person_id,
        long_gaps.quiet_since,
        long_gaps.awake_at,
        greatest(
            entries.entered_at,
            {{ add_days('long_gaps.quiet_since', 'stages.dormant_days') }}
        ) as began_at,
        entries.exited_at
    from long_gaps
    inner join entries
        on
            long_gaps.person_id = entries.person_id
            and (long_gaps.awake_at is null or long_gaps.awake_at > entries.entered_at)
            and (entries.exited_at is null or long_gaps.quiet_since < entries.exited_at)
    inner join stages
        on entries.stage = stages.stage
    where stages.dormant_days is not null
),

periods as (
    select
        person_id,
        quiet_since,
        awake_at,
        min(began_at) as began_at
    from candidates
    where
        (exited_at is null or began_at < exited_at)
        and (awake_at is null or began_at < awake_at)
        and began_at <= {{ as_of() }}
    group by
        person_id,
        quiet_since,
        awake_at
),

-- the last touch before the quiet; few of all touches are one
last_touches as (
    select
        periods.person_id,
        periods.quiet_since,
        max(interactions.interaction_id) as record_id
    from interactions
    inner join periods
        on
            interactions.person_id = periods.person_id
            and interactions.occurred_at = periods.quiet_since
    group by
        periods.person_id,
        periods.quiet_since
)

select
    periods.person_id,
    periods.began_at,
    periods.awake_at as ended_at,
    last_touches.record_id
from periods
left join last_touches
    on
        periods.person_id = last_touches.person_id
        and periods.quiet_since = last_touches.quiet_since
