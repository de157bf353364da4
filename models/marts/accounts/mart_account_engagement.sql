with

touches as (
    select * from {{ ref('int_accounts__touches') }}
),

lists as (
    select * from {{ ref('bridge_account_target_list') }}
),

months as (
    select * from {{ ref('dim_date') }}
    where is_month_start
),

monthly as (
    select
        account_id,
        {{ format_month('occurred_at') }} as month,
        count(*) as touch_count,
        count(distinct person_id) as person_count,
        count(distinct case when not was_anonymous then person_id end) as known_person_count,
        count(case when is_company_visit then 1 end) as company_visit_count,
        {{ exact_sum('minutes') }} as minutes,
        {{ exact_sum('case when is_estimated then minutes else 0.0 end') }} as estimated_minutes,
        {{ exact_sum('case when is_event then minutes else 0.0 end') }} as event_minutes,
        max(occurred_at) as last_touch_at
    from touches
    group by account_id, {{ format_month('occurred_at') }}
),

-- the lists on which the account stood some time in the month
listed as (
    select
        monthly.account_id,
        monthly.month,
        {{ text_agg('distinct lists.list_name', ', ', 'lists.list_name') }} as target_lists
    from monthly
    inner join months
        on monthly.month = months.month
    inner join lists
        on
            monthly.account_id = lists.account_id
            and months.next_month_starts_on > lists.valid_from
            and (lists.valid_to is null or months.month_starts_on < lists.valid_to)
    group by monthly.account_id, monthly.month
)

select
    monthly.account_id,
    monthly.month,
    months.month_starts_on,
    listed.target_lists,
    monthly.touch_count,
    monthly.person_count,
    monthly.known_person_count,
    monthly.company_visit_count,
    cast(monthly.minutes as double) as minutes,
    cast(monthly.estimated_minutes as double) as estimated_minutes,
    cast(monthly.event_minutes as double) as event_minutes,
    coalesce(cast(monthly.estimated_minutes as double) / nullif(cast(monthly.minutes as double), 0), 0.0) as estimated_share,
    listed.target_lists is not null as is_target_account,
    monthly.last_touch_at
from monthly
inner join months
    on monthly.month = months.month
left join listed
    on
        monthly.account_id = listed.account_id
        and monthly.month = listed.month
