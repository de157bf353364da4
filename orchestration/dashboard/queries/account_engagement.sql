-- The accounts that gave us most of their time in the period; only of those is anything but the minutes added up.
with minutes_spent as (
    select
        account_id,
        -- rounded, since the last digit of a sum of fractions is that of the order in which they came
        round(sum(minutes), 6) as minutes
    from marts.mart_account_engagement
    where
        month between $from_month and $to_month
        and (not $targets_only or is_target_account)
    group by account_id
),

most_engaged as (
    select
        account_id,
        minutes
    from (
        select
            minutes_spent.account_id,
            minutes_spent.minutes
        from minutes_spent
        where $region is null and $industry is null
        union all
        -- only a filter needs to know more of an account than its minutes
        select
            minutes_spent.account_id,
            minutes_spent.minutes
        from minutes_spent
        inner join marts.dim_account as accounts on minutes_spent.account_id = accounts.account_id
        where
            ($region is not null or $industry is not null)
            and ($region is null or accounts.region = $region)
            and ($industry is null or accounts.industry = $industry)
    )
    order by minutes desc, account_id
    limit 50
),

engagement as (
    select
        months.account_id,
        bool_or(months.is_target_account) as is_target_account,
        sum(months.estimated_minutes) as estimated_minutes,
        sum(months.event_minutes) as event_minutes,
        sum(months.touch_count) as touch_count,
        max(months.last_touch_at) as last_touch_at
    from marts.mart_account_engagement as months
    inner join most_engaged
        on months.account_id = most_engaged.account_id
    where
        months.month between $from_month and $to_month
        and (not $targets_only or months.is_target_account)
    group by months.account_id
)

select
    most_engaged.account_id,
    accounts.account_name,
    accounts.region,
    accounts.industry,
    stages.stage,
    engagement.is_target_account,
    most_engaged.minutes,
    engagement.estimated_minutes / nullif(most_engaged.minutes, 0) as estimated_share,
    engagement.event_minutes,
    engagement.touch_count,
    engagement.last_touch_at
from most_engaged
inner join engagement on most_engaged.account_id = engagement.account_id
inner join marts.dim_account as accounts on most_engaged.account_id = accounts.account_id
left join marts.fct_account_stage as stages
    on most_engaged.account_id = stages.account_id and stages.is_current
order by most_engaged.minutes desc, most_engaged.account_id
