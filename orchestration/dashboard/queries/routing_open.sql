-- Who waits for whom, and how many are late.
select
    assign_to,
    next_step,
    count(*) as open_count,
    count(*) filter (where is_overdue) as overdue_count,
    median(waiting_hours) as median_waiting_hours
from marts.mart_routing_queue
where
    ($channel is null or channel = $channel)
    and ($region is null or region = $region)
    and ($industry is null or industry = $industry)
group by assign_to, next_step
order by assign_to, next_step
