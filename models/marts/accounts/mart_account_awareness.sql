with

touches as (
    select * from {{ ref('int_accounts__touches') }}
),

lists as (
    select * from {{ ref('bridge_account_target_list') }}
),

windows as (
    select * from {{ ref('awareness_windows') }}
),

dates as (
    select
        month,
        month_starts_on,
        next_month_starts_on,
        is_complete_month
    from {{ ref('dim_date') }}
    where is_month_start and is_elapsed
),

as_of_moment as (
    select {{ as_of() }} as looked_at
),

-- the end of the month, or the night of the data while it goes on
month_ends as (
    select
        dates.month,
        dates.month_starts_on,
        least(cast(dates.next_month_starts_on as timestamp), as_of_moment.looked_at) as seen_at,
        dates.is_complete_month
    from dates
    cross join as_of_moment
),

targets as (
    select distinct
        month_ends.month,
        lists.list_name,
        lists.account_id
    from month_ends
    inner join lists
        on
            month_ends.seen_at > lists.valid_from
            and (lists.valid_to is null or month_ends.seen_at <= lists.valid_to)
),

-- the same account may stand on several lists; among all of them it counts once
all_targets as (
    select
        month,
        list_name,
        account_id
    from targets
    union
    select
        month,
        '(all)' as list_name,
        account_id
    from targets
),

touch_days as (
    select
        account_id,
        cast(occurred_at as date) as touched_on,
        max(case when is_company_visit then 0 else 1 end) as has_person
    from touches
    group by account_id, cast(occurred_at as date)
),

aware as (
    select
        month_ends.month,
        touch_days.account_id,
        max(touch_days.has_person) as has_person
    from month_ends
    cross join windows
    inner join touch_days
        on
            month_ends.seen_at > touch_days.touched_on
            and {{ add_days('month_ends.seen_at', '-windows.window_days') }} <= touch_days.touched_on
    group by month_ends.month, touch_days.account_id
)

select
    month_ends.month,
    month_ends.month_starts_on,
    all_targets.list_name,
    count(*) as target_account_count,
    count(aware.account_id) as aware_account_count,
    count(case when aware.has_person = 0 then 1 end) as aware_by_network_count,
    cast(count(aware.account_id) as double) / count(*) as awareness,
    cast(max(windows.window_days) as integer) as window_days,
    month_ends.is_complete_month
from month_ends
cross join windows
inner join all_targets
    on month_ends.month = all_targets.month
left join aware
    on
        all_targets.month = aware.month
        and all_targets.account_id = aware.account_id
group by month_ends.month, month_ends.month_starts_on, all_targets.list_name, month_ends.is_complete_month
