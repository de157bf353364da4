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
where
    stages.is_current
    and (
        ($region is null and $industry is null)
        or stages.account_id in (
            select account_id
            from marts.dim_account
            where ($region is null or region = $region) and ($industry is null or industry = $industry)
        )
    )
group by stages.stage, stages.stage_rank
order by stages.stage_rank
