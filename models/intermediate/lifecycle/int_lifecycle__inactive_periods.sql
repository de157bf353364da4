with

status_periods as (
    select * from {{ ref('int_lifecycle__status_periods') }}
),

statuses as (
    select * from {{ ref('statuses') }}
    where is_inactive
),

inactive as (
    select
        status_periods.person_id,
        status_periods.began_at,
        coalesce(status_periods.ended_at, {{ as_of() }}) as ended_at
    from status_periods
    inner join statuses
        on status_periods.status = statuses.status
),

with_reach as (
    select
        *,
        max(ended_at) over (
            partition by person_id order by began_at, ended_at
            rows between unbounded preceding and 1 preceding
        ) as reached_before
    from inactive
),

islands as (
    select
        *,
        sum(case when reached_before is null or began_at > reached_before then 1 else 0 end) over (
            partition by person_id order by began_at, ended_at
            rows between unbounded preceding and current row
        ) as island_number
    from with_reach
)

-- overlapping periods are one, so that no day is taken off twice
select
    person_id,
    min(began_at) as began_at,
    max(ended_at) as ended_at
from islands
group by
    person_id,
    island_number
