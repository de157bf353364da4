-- What content is looked at, and how many moved up after it, beside people like them who did not see it.
select
    item_id,
    title,
    content_type,
    journey_stage,
    view_count,
    person_count,
    mean_dwell_seconds,
    judged_count,
    moved_rate,
    base_rate,
    influence,
    influence_low,
    influence_high,
    is_small_sample
from marts.mart_content_performance
where item_type = $item_type and from_stage = '(all)' and window_days = $window_days
order by view_count desc, item_id
limit 50
