-- What somebody in a stage is worth, and what may be expected of all who stand there.
select
    stage,
    stage_rank,
    standing_count,
    mature_count,
    win_rate,
    value_amount,
    expected_amount,
    pipeline_amount,
    is_small_sample,
    reporting_currency
from marts.mart_stage_value
where track = 'acquisition' and segment_type = $segment_type and segment_value = $segment_value
order by stage_rank
