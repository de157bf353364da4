-- Days from stage to stage over the whole time, with those who are still there.
select
    left_in.from_stage,
    left_in.from_stage_rank,
    left_in.to_stage,
    left_in.n,
    left_in.mean_days,
    left_in.median_days,
    left_in.p90_days,
    left_in.target_days,
    entered_in.entered_count,
    entered_in.open_share,
    entered_in.km_median_days,
    left_in.is_small_sample
from marts.mart_stage_velocity as left_in
left join marts.mart_stage_velocity as entered_in
    on
        left_in.transition_kind = entered_in.transition_kind
        and left_in.track = entered_in.track
        and left_in.from_stage = entered_in.from_stage
        and left_in.to_stage = entered_in.to_stage
        and left_in.period = entered_in.period
        and left_in.segment_type = entered_in.segment_type
        and left_in.segment_value = entered_in.segment_value
        and entered_in.month_basis = 'entry'
where
    left_in.transition_kind = $transition_kind
    and left_in.track = 'acquisition'
    and left_in.month_basis = 'exit'
    and left_in.period_type = 'all'
    and left_in.segment_type = $segment_type
    and left_in.segment_value = $segment_value
order by left_in.from_stage_rank nulls first, left_in.from_stage
