-- Who must act next, on whom, until when.
select
    queue_position,
    owner_id,
    next_step,
    person_id,
    stage,
    route,
    grade,
    score,
    region,
    assigned_at,
    due_at,
    hours_left,
    is_overdue
from marts.mart_routing_queue
where
    next_step <> 'new_engagement'
    and ($channel is null or channel = $channel)
    and ($region is null or region = $region)
    and ($industry is null or industry = $industry)
order by queue_position
limit 100
