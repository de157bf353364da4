{#- How many hours each calendar had worked at each moment that an assignment asks for. -#}
with

assignments as (
    select * from {{ ref('int_routing__assignments') }}
    where not is_to_pool
),

region_calendars as (
    select * from {{ ref('region_calendars') }}
),

working_spans as (
    select * from {{ ref('int_routing__working_spans') }}
),

default_calendar as (
    select calendar
    from region_calendars
    where region = '*'
),

placed as (
    select
        assignments.assignment_id,
        assignments.assigned_at,
        assignments.answered_at,
        assignments.decided_at,
        coalesce(region_calendars.calendar, default_calendar.calendar) as calendar
    from assignments
    cross join default_calendar
    left join region_calendars
        on assignments.region = region_calendars.region
),

moments as (
    select
        calendar,
        assigned_at as moment
    from placed
    union
    select
        calendar,
        answered_at as moment
    from placed
    where answered_at is not null
    union
    select
        calendar,
        decided_at as moment
    from placed
    where decided_at is not null
    union
    select
        calendar,
        {{ as_of() }} as moment
    from placed
),

-- the newest span that had opened
timeline as (
    select
        calendar,
        opens_at as occurred_at,
        0 as is_moment,
        opens_at,
        hours,
        hours_before
    from working_spans

    union all

    select
        calendar,
        moment as occurred_at,
        1 as is_moment,
        cast(null as timestamp) as opens_at,
        cast(null as double) as hours,
        cast(null as double) as hours_before
    from moments
),

read as (
    select
        calendar,
        occurred_at,
        is_moment,
        last_value(opens_at ignore nulls) over so_far as opens_at,
        last_value(hours ignore nulls) over so_far as hours,
        last_value(hours_before ignore nulls) over so_far as hours_before
    from timeline
    window so_far as (
        partition by calendar order by occurred_at, is_moment rows between unbounded preceding and current row
    )
),

readings as (
    select
        calendar,
        occurred_at,
        coalesce(hours_before + least(hours, {{ days_between('opens_at', 'occurred_at') }} * 24), 0) as worked_hours
    from read
    where is_moment = 1
)

select
    placed.assignment_id,
    placed.calendar,
    assigned.worked_hours as assigned_hours,
    round(answered.worked_hours - assigned.worked_hours, 6) as response_hours,
    round(decided.worked_hours - assigned.worked_hours, 6) as decision_hours,
    round(now.worked_hours - assigned.worked_hours, 6) as elapsed_hours
from placed
inner join readings as assigned
    on
        placed.calendar = assigned.calendar
        and placed.assigned_at = assigned.occurred_at
inner join readings as now
    on
        placed.calendar = now.calendar
        and now.occurred_at = {{ as_of() }}
left join readings as answered
    on
        placed.calendar = answered.calendar
        and placed.answered_at = answered.occurred_at
left join readings as decided
    on
        placed.calendar = decided.calendar
        and placed.decided_at = decided.occurred_at
