-- In which stage accounts stand.
with accounts as (
    select account_id, stage, stage_rank
    from marts.fct_account_stage
    where is_current and $region is null and $industry is null
    union all
    select stages.account_id, stages.stage, stages.stage_rank
    from marts.fct_account_stage as stages
    inner join marts.dim_account as known on stages.account_id = known.account_id
    where
        stages.is_current
        and ($region is not null or $industry is not null)
        and ($region is null or known.region = $region)
        and ($industry is null or known.industry = $industry)
)

select
    accounts.stage,
    accounts.stage_rank,
    count(*) as account_count,
    count(*) filter (where lists.account_id is not null) as target_account_count
from accounts
left join (
    select distinct account_id from marts.bridge_account_target_list where is_current
) as lists on accounts.account_id = lists.account_id
group by accounts.stage, accounts.stage_rank
order by accounts.stage_rank
