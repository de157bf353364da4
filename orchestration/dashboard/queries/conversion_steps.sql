-- Of those who reached a stage in the period, how many reached the next one; months whose window is over.
with steps as (
    select stages.stage as from_stage, following.stage as to_stage
    from marts.dim_stage as stages
    inner join marts.dim_stage as following on stages.stage_position + 1 = following.stage_position
)

select
    conversion.from_stage,
    conversion.from_stage_rank,
    conversion.to_stage,
    sum(conversion.cohort_count) as cohort_count,
    sum(conversion.open_count) as open_count,
    sum(conversion.cohort_count) filter (where conversion.is_mature) as mature_count,
    sum(conversion.converted_count) filter (where conversion.is_mature) as converted_count,
    sum(conversion.converted_count) filter (where conversion.is_mature)
    / nullif(sum(conversion.cohort_count) filter (where conversion.is_mature), 0) as conversion_rate,
    sum(conversion.open_count) / nullif(sum(conversion.cohort_count), 0) as open_share
from marts.mart_funnel_conversion as conversion
inner join steps
    on conversion.from_stage = steps.from_stage and conversion.to_stage = steps.to_stage
where
    conversion.track = 'acquisition'
    and conversion.segment_type = $segment_type
    and conversion.segment_value = $segment_value
    and conversion.window_days = $window_days
    and conversion.cohort_month between $from_month and $to_month
group by conversion.from_stage, conversion.from_stage_rank, conversion.to_stage
order by conversion.from_stage_rank
