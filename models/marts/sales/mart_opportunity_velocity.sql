{%- set segments = {'all': "'all'", 'opportunity_type': 'opportunity_type', 'outcome': 'outcome'} -%}

with

stays as (
    select * from {{ ref('int_sales__deal_stays') }}
    where to_stage is not null
),

months as (
    select * from {{ ref('dim_date') }}
    where is_month_start
),

sample_sizes as (
    select * from {{ ref('sample_sizes') }}
    where mart = 'mart_opportunity_velocity'
),

period_types as (
    select 'month' as period_type
    union all
    select 'all' as period_type
),

segmented as (
    {%- for segment_type, segment_value in segments.items() %}
        select
            stays.from_stage,
            stays.to_stage,
            stays.stage_days,
            '{{ segment_type }}' as segment_type,
            {{ segment_value }} as segment_value,
            period_types.period_type,
            case period_types.period_type when 'month' then {{ format_month('stays.left_at') }} else 'all' end as period
        from stays
        cross join period_types
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

summed as (
    select
        from_stage,
        to_stage,
        period_type,
        period,
        segment_type,
        segment_value,
        round({{ exact_mean('stage_days') }}, 6) as mean_days,
        round(median(stage_days), 6) as median_days,
        round({{ percentile('stage_days', 0.75) }}, 6) as p75_days,
        round({{ percentile('stage_days', 0.9) }}, 6) as p90_days,
        count(*) as n
    from segmented
    group by from_stage, to_stage, period_type, period, segment_type, segment_value
)

select
    summed.from_stage,
    summed.to_stage,
    summed.period_type,
    summed.period,
    months.month_starts_on,
    summed.segment_type,
    summed.segment_value,
    summed.mean_days,
    summed.median_days,
    summed.p75_days,
    summed.p90_days,
    summed.n,
    summed.n < sample_sizes.minimum_count as is_small_sample
from summed
left join months
    on summed.period = months.month
cross join sample_sizes
