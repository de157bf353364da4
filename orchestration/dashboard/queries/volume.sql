-- Stock and moves of each stage, month by month.
select
    month_starts_on,
    month,
    stage,
    stage_rank,
    sum(opening_count) as opening_count,
    sum(entered_count) as entered_count,
    sum(reentered_count) as reentered_count,
    sum(passed_count) as passed_count,
    sum(exited_count) as exited_count,
    sum(returned_count) as returned_count,
    sum(closing_count) as closing_count,
    sum(parked_count) as parked_count,
    sum(dormant_count) as dormant_count,
    bool_and(is_complete_month) as is_complete_month
from marts.mart_funnel_volume
where
    track = 'acquisition'
    and month between $from_month and $to_month
    and ($channel is null or channel = $channel)
    and ($region is null or region = $region)
    and ($industry is null or industry = $industry)
group by month_starts_on, month, stage, stage_rank
order by month_starts_on, stage_rank
