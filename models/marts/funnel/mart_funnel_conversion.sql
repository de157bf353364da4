{%- set segments = {
    'all': "'all'", 'channel': 'channel', 'campaign': 'campaign_id', 'region': 'region', 'industry': 'industry',
    'motion': 'motion', 'route': 'route',
} -%}

with

outcomes as (
    select * from {{ ref('int_funnel__cohort_outcomes') }}
),

windows as (
    select * from {{ ref('conversion_windows') }}
),

months as (
    select * from {{ ref('dim_date') }}
    where is_month_start
),

-- the finest cell first: every other segment is a sum of these
cells as (
    select
        outcomes.cohort_month,
        outcomes.track,
        outcomes.from_stage,
        outcomes.from_stage_rank,
        outcomes.to_stage,
        outcomes.to_stage_rank,
        windows.window_days,
        outcomes.motion,
        outcomes.route,
        outcomes.channel,
        outcomes.campaign_id,
        outcomes.region,
        outcomes.industry,
        count(*) as cohort_count,
        count(case when outcomes.is_passed then 1 end) as passed_count,
        count(case when outcomes.days_to_reach <= windows.window_days then 1 end) as converted_count,
        count(case when outcomes.is_reached then 1 end) as converted_in_cycle_count,
        count(case when outcomes.is_reached_any_cycle then 1 end) as converted_any_cycle_count,
        count(case when outcomes.is_open then 1 end) as open_count,
        count(case when outcomes.is_lost then 1 end) as lost_count
    from outcomes
    cross join windows
    group by
        outcomes.cohort_month,
        outcomes.track,
        outcomes.from_stage,
        outcomes.from_stage_rank,
        outcomes.to_stage,
        outcomes.to_stage_rank,
        windows.window_days,
        outcomes.motion,
        outcomes.route,
        outcomes.channel,
        outcomes.campaign_id,
        outcomes.region,
        outcomes.industry
),

segmented as (
    {%- for segment_type, segment_value in segments.items() %}
        select
            cohort_month,
            track,
            from_stage,
            from_stage_rank,
            to_stage,
            to_stage_rank,
            window_days,
            '{{ segment_type }}' as segment_type,
            {{ segment_value }} as segment_value,
            cohort_count,
            passed_count,
            converted_count,
            converted_in_cycle_count,
            converted_any_cycle_count,
            open_count,
            lost_count
        from cells
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

summed as (
    select
        cohort_month,
        track,
        from_stage,
        from_stage_rank,
        to_stage,
        to_stage_rank,
        window_days,
        segment_type,
        segment_value,
        cast(sum(cohort_count) as bigint) as cohort_count,
        cast(sum(passed_count) as bigint) as passed_count,
        cast(sum(converted_count) as bigint) as converted_count,
        cast(sum(converted_in_cycle_count) as bigint) as converted_in_cycle_count,
        cast(sum(converted_any_cycle_count) as bigint) as converted_any_cycle_count,
        cast(sum(open_count) as bigint) as open_count,
        cast(sum(lost_count) as bigint) as lost_count
    from segmented
    group by
        cohort_month, track, from_stage, from_stage_rank, to_stage, to_stage_rank, window_days, segment_type, segment_value
),

-- the window of the youngest entry of the month has to be over, else the rate of a young month looks too low
maturity as (
    select
        months.month,
        months.month_starts_on,
        windows.window_days,
        {{ add_days('months.next_month_starts_on', 'windows.window_days') }} <= {{ as_of() }} as is_mature
    from months
    cross join windows
)

select
    summed.cohort_month,
    maturity.month_starts_on as cohort_month_starts_on,
    summed.track,
    summed.from_stage,
    summed.from_stage_rank,
    summed.to_stage,
    summed.to_stage_rank,
    summed.segment_type,
    summed.segment_value,
    cast(summed.window_days as integer) as window_days,
    summed.cohort_count,
    summed.passed_count,
    summed.converted_count,
    summed.converted_in_cycle_count,
    summed.converted_any_cycle_count,
    summed.open_count,
    summed.lost_count,
    case when maturity.is_mature then cast(summed.converted_count as double) / summed.cohort_count end as conversion_rate,
    cast(summed.open_count as double) / summed.cohort_count as open_share,
    maturity.is_mature
from summed
inner join maturity
    on summed.cohort_month = maturity.month and summed.window_days = maturity.window_days
