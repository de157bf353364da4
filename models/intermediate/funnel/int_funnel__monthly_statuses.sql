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
monthly as (
    select
        statuses.person_id,
        statuses.status,
        months.month,
        months.next_month_starts_on
    from statuses
    inner join months
        on
            statuses.began_at < months.next_month_starts_on
            and (statuses.ended_at is null or statuses.ended_at >= months.next_month_starts_on)
)

select
    {{ md5_text(cell) }} as cell_id,
    monthly.month,
    count(distinct case when monthly.status = 'recycled' then durations.transition_id end) as parked_count,
    count(distinct case when monthly.status = 'dormant' then durations.transition_id end) as dormant_count
from monthly
inner join durations
    on
        monthly.person_id = durations.person_id
        and monthly.next_month_starts_on > durations.entered_at
        and (durations.exited_at is null or monthly.next_month_starts_on <= durations.exited_at)
group by {{ cell | join(', ') }}, monthly.month
