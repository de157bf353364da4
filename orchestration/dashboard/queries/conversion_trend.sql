-- One step, by the month in which its stage was reached.
select cohort_month, cohort_month_starts_on, cohort_count, converted_count, conversion_rate, open_share, is_mature
from marts.mart_funnel_conversion
where
    track = 'acquisition'
    and segment_type = $segment_type
    and segment_value = $segment_value
    and window_days = $window_days
    and from_stage = $from_stage
    and to_stage = $to_stage
    and cohort_month between $from_month and $to_month
order by cohort_month
