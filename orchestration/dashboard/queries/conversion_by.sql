-- One step, by one dimension; months whose window is over.
select
    segment_value,
    sum(cohort_count) as cohort_count,
    sum(converted_count) as converted_count,
    sum(converted_count) / nullif(sum(cohort_count), 0) as conversion_rate
from marts.mart_funnel_conversion
where
    track = 'acquisition'
    and segment_type = $dimension
    and window_days = $window_days
    and from_stage = $from_stage
    and to_stage = $to_stage
    and is_mature
    and cohort_month between $from_month and $to_month
group by segment_value
having sum(cohort_count) > 0
order by cohort_count desc, segment_value
limit 15
