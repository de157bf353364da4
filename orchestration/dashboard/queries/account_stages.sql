-- In which stage accounts stand.
select
    stages.stage,
    stages.stage_rank,
    count(*) as account_count,
    count(*) filter (where lists.account_id is not null) as target_account_count
from marts.fct_account_stage as stages
left join (
    select distinct account_id from marts.bridge_account_target_list where is_current
) as lists on stages.account_id = lists.account_id
left join marts.dim_account as accounts on stages.account_id = accounts.account_id
where
    stages.is_current
    and ($region is null or accounts.region = $region)
    and ($industry is null or accounts.industry = $industry)
group by stages.stage, stages.stage_rank
order by stages.stage_rank
