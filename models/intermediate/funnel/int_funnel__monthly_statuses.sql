{%- set cell = [
    'durations.track', 'durations.from_stage', 'durations.channel', 'durations.campaign_id', 'durations.region', 'durations.industry',
] -%}

with

durations as (
    select * from {{ ref('fct_stage_duration') }}
),

statuses as (
    select * from {{ ref('fct_lifecycle_status') }}
    where status in ('recycled', 'dormant')
),

months as (
    select * from {{ ref('dim_date') }}
    where is_month_start and is_elapsed
),

-- statuses that are on when the month ends
held as (
    select
        statuses.person_id,
        statuses.status as measure,
        months.month,
        months.next_month_starts_on as moment
    from statuses
    inner join months
        on
            statuses.began_at < months.next_month_starts_on
            and (statuses.ended_at is null or statuses.ended_at >= months.next_month_starts_on)
),

-- who was dormant when the month began and woke up in it, from where they stood
woken as (
    select
        statuses.person_id,
        'woken' as measure,
        months.month,
        statuses.ended_at as moment
    from statuses
    inner join months
        on
            statuses.began_at < months.month_starts_on
            and statuses.ended_at >= months.month_starts_on
            and statuses.ended_at < months.next_month_starts_on
    where statuses.status = 'dormant'
),

monthly as (
    select * from held
    union all
    select * from woken
)

select
    {{ md5_text(cell) }} as cell_id,
    monthly.month,
    count(distinct case when monthly.measure = 'recycled' then durations.transition_id end) as parked_count,
    count(distinct case when monthly.measure = 'dormant' then durations.transition_id end) as dormant_count,
    count(distinct case when monthly.measure = 'woken' then durations.transition_id end) as woken_count
from monthly
inner join durations
    on
        monthly.person_id = durations.person_id
        and monthly.moment > durations.entered_at
        and (durations.exited_at is null or monthly.moment <= durations.exited_at)
group by {{ cell | join(', ') }}, monthly.month
