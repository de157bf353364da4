-- The accounts that gave us most of their time in the period.
select
    engagement.account_id,
    any_value(accounts.account_name) as account_name,
    any_value(accounts.region) as region,
    any_value(accounts.industry) as industry,
    any_value(stages.stage) as stage,
    bool_or(engagement.is_target_account) as is_target_account,
    sum(engagement.minutes) as minutes,
    sum(engagement.estimated_minutes) / nullif(sum(engagement.minutes), 0) as estimated_share,
    sum(engagement.event_minutes) as event_minutes,
    sum(engagement.touch_count) as touch_count,
    max(engagement.last_touch_at) as last_touch_at
from marts.mart_account_engagement as engagement
inner join marts.dim_account as accounts on engagement.account_id = accounts.account_id
left join marts.fct_account_stage as stages
    on engagement.account_id = stages.account_id and stages.is_current
where
    engagement.month between $from_month and $to_month
    and ($region is null or accounts.region = $region)
    and ($industry is null or accounts.industry = $industry)
    and (not $targets_only or engagement.is_target_account)
group by engagement.account_id
order by minutes desc, engagement.account_id
limit 50
