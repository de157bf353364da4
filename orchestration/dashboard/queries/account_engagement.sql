-- The accounts that gave us most of their time in the period.
with most_engaged as (
    select
        account_id,
        bool_or(is_target_account) as is_target_account,
        sum(minutes) as minutes,
        sum(estimated_minutes) / nullif(sum(minutes), 0) as estimated_share,
        sum(event_minutes) as event_minutes,
        sum(touch_count) as touch_count,
        max(last_touch_at) as last_touch_at
    from marts.mart_account_engagement
    where
        month between $from_month and $to_month
        and (not $targets_only or is_target_account)
        and (
            ($region is null and $industry is null)
            or account_id in (
                select account_id
                from marts.dim_account
                where ($region is null or region = $region) and ($industry is null or industry = $industry)
            )
        )
    group by account_id
    order by minutes desc, account_id
    limit 50
)

select
    most_engaged.account_id,
    accounts.account_name,
    accounts.region,
    accounts.industry,
    stages.stage,
    most_engaged.is_target_account,
    most_engaged.minutes,
    most_engaged.estimated_share,
    most_engaged.event_minutes,
    most_engaged.touch_count,
    most_engaged.last_touch_at
from most_engaged
inner join marts.dim_account as accounts on most_engaged.account_id = accounts.account_id
left join marts.fct_account_stage as stages
    on most_engaged.account_id = stages.account_id and stages.is_current
order by most_engaged.minutes desc, most_engaged.account_id
