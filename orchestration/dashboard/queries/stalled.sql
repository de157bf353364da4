-- How many have stood in a stage for too long.
select
    stage,
    stage_rank,
    count(*) as stalled_count,
    count(*) filter (where is_over_sla) as over_sla_count,
    median(days_over) as median_days_over
from marts.mart_stalled_person
where
    track = 'acquisition'
    and not is_dormant
    and ($channel is null or channel = $channel)
    and ($region is null or region = $region)
    and ($industry is null or industry = $industry)
group by stage, stage_rank
order by stage_rank
