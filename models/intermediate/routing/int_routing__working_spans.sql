{#-
    Every stretch of working time of every calendar, in UTC, with the working time before it. The working time between two moments is then
    one subtraction: what had been worked at the later one, less what had been worked at the earlier one.
-#}
with

dates as (
    select * from {{ ref('dim_date') }}
),

calendars as (
    select * from {{ ref('calendars') }}
),

working_hours as (
    select * from {{ ref('working_hours') }}
),

holidays as (
    select * from {{ ref('holidays') }}
),

-- the day before the first: west of Greenwich it still runs when the first one begins
days as (
    select
        day,
        iso_day_of_week
    from dates
    union all
    select
        cast({{ add_days('min(day)', -1) }} as date) as day,
        cast(max(case when is_first and iso_day_of_week = 1 then 7 when is_first then iso_day_of_week - 1 end) as integer)
            as iso_day_of_week
    from (
        select
            day,
            iso_day_of_week,
            day = min(day) over () as is_first
        from dates
    ) as numbered
),

spans as (
    select
        calendars.calendar,
        {{ utc_of_local(add_days('cast(days.day as timestamp)', 'working_hours.opens_hour / 24'), 'calendars.time_zone') }}
            as opens_at,
        {{ utc_of_local(add_days('cast(days.day as timestamp)', 'working_hours.closes_hour / 24'), 'calendars.time_zone') }}
            as closes_at
    from calendars
    inner join working_hours
        on calendars.calendar = working_hours.calendar
    inner join days
        on working_hours.iso_day_of_week = days.iso_day_of_week
    left join holidays
        on
            calendars.calendar = holidays.calendar
            and days.day = holidays.day
    where holidays.day is null
)

select
    calendar,
    opens_at,
    closes_at,
    {{ days_between('opens_at', 'closes_at') }} * 24 as hours,
    coalesce(sum({{ days_between('opens_at', 'closes_at') }} * 24) over (
        partition by calendar order by opens_at rows between unbounded preceding and 1 preceding
    ), 0) as hours_before
from spans
