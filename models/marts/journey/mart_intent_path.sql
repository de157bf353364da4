with

paths as (
    select * from {{ ref('int_journey__monthly_paths') }}
),

steps as (
    select * from {{ ref('funnel_steps') }}
    where step = 'customer'
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
    where track = 'acquisition'
),

months as (
    select * from {{ ref('dim_date') }}
    where is_month_start and is_elapsed
),

costs as (
    select * from {{ ref('int_finance__costs_by_side') }}
),

reporting as (
    select currency as reporting_currency from {{ ref('reporting_currency') }}
),

path_names as (
    select 'looks' as path
    union all
    select 'acts' as path
    union all
    select 'customer' as path
),

-- the month before, by its first day, so that a month without a visit is no predecessor
with_before as (
    select
        paths.month,
        paths.path,
        before.path as path_before,
        lag(paths.month) over (partition by paths.person_id order by paths.month) is not null as has_come_before
    from paths
    left join paths as before
        on
            paths.person_id = before.person_id
            and paths.month_starts_on = before.next_month_starts_on
),

counted as (
    select
        month,
        path,
        count(*) as person_count,
        count(case when path_before = 'looks' then 1 end) as from_looks_count,
        count(case when path_before = 'acts' then 1 end) as from_acts_count,
        count(case when path_before = 'customer' then 1 end) as from_customer_count,
        count(case when path_before is null and has_come_before then 1 end) as returning_count,
        count(case when not has_come_before then 1 end) as first_time_count
    from with_before
    group by month, path
),

customer_rows as (
    select
        transitions.person_id,
        transitions.entered_at,
        transitions.exited_at
    from transitions
    inner join steps
        on transitions.stage = steps.stage
),

won as (
    select
        {{ format_month('entered_at') }} as month,
        count(*) as new_customer_count
    from customer_rows
    group by {{ format_month('entered_at') }}
),

kept as (
    select
        months.month,
        count(distinct customer_rows.person_id) as retained_customer_count
    from months
    inner join customer_rows
        on
            months.month_starts_on > customer_rows.entered_at
            and (customer_rows.exited_at is null or months.next_month_starts_on <= customer_rows.exited_at)
    group by months.month
),

spent as (
    select
        month,
        coalesce(sum(case side when 'acquisition' then reporting_amount end), 0) as acquisition_amount,
        coalesce(sum(case side when 'retention' then reporting_amount end), 0) as retention_amount
    from costs
    group by month
),

cells as (
    select
        months.month,
        months.month_starts_on,
        months.is_complete_month,
        path_names.path,
        coalesce(counted.person_count, 0) as person_count,
        coalesce(counted.from_looks_count, 0) as from_looks_count,
        coalesce(counted.from_acts_count, 0) as from_acts_count,
        coalesce(counted.from_customer_count, 0) as from_customer_count,
        coalesce(counted.returning_count, 0) as returning_count,
        coalesce(counted.first_time_count, 0) as first_time_count,
        case path_names.path
            when 'acts' then coalesce(spent.acquisition_amount, 0)
            when 'customer' then coalesce(spent.retention_amount, 0)
        end as cost_amount,
        case path_names.path
            when 'acts' then coalesce(won.new_customer_count, 0)
            when 'customer' then coalesce(kept.retained_customer_count, 0)
        end as result_count
    from months
    cross join path_names
    left join counted
        on
            months.month = counted.month
            and path_names.path = counted.path
    left join spent
        on months.month = spent.month
    left join won
        on months.month = won.month
    left join kept
        on months.month = kept.month
)

select
    cells.month,
    cells.month_starts_on,
    cells.is_complete_month,
    cells.path,
    cells.person_count,
    cast(cells.person_count as double) / nullif(sum(cells.person_count) over (partition by cells.month), 0) as share_of_visitors,
    cells.from_looks_count,
    cells.from_acts_count,
    cells.from_customer_count,
    cells.returning_count,
    cells.first_time_count,
    reporting.reporting_currency,
    cast(cells.cost_amount as decimal(18, 2)) as cost_amount,
    cells.result_count,
    cast(cells.cost_amount as double) / nullif(cells.result_count, 0) as cost_per_result
from cells
cross join reporting
