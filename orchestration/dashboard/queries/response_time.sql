-- Does answering soon pay: acceptance and wins by the time of the first answer.
select
    segment_value,
    assigned_count,
    median_response_hours,
    accept_rate,
    accept_rate_low,
    accept_rate_high,
    win_rate,
    is_small_sample
from marts.mart_sdr_performance
where period_type = 'all' and owner_type = 'all' and segment_type = 'response_time'
order by median_response_hours nulls last, segment_value
