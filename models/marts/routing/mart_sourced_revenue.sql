with

won_deals as (
    select * from {{ ref('int_routing__won_deals') }}
),

revenue as (
    select * from {{ ref('int_finance__revenue') }}
),

reporting as (
    select currency as reporting_currency from {{ ref('reporting_currency') }}
),

period_types as (
    select 'month' as period_type
    union all
    select 'all' as period_type
),

summed as (
    select
        period_types.period_type,
        case period_types.period_type when 'month' then won_deals.closed_month else 'all' end as period,
        reporting.reporting_currency as currency,
        won_deals.team,
        won_deals.route,
        count(*) as won_count,
        count(case when not revenue.is_converted then 1 end) as unconverted_count,
        cast(sum(revenue.reporting_amount) as decimal(18, 2)) as won_amount
    from won_deals
    inner join revenue
        on won_deals.revenue_id = revenue.revenue_id
    cross join reporting
    cross join period_types
    group by
        period_types.period_type,
        case period_types.period_type when 'month' then won_deals.closed_month else 'all' end,
        reporting.reporting_currency,
        won_deals.team,
        won_deals.route
)

select
    period_type,
    period,
    currency,
    team,
    route,
    won_count,
    unconverted_count,
    won_amount,
    cast(won_amount as double) / nullif(cast(sum(won_amount) over (partition by period) as double), 0) as share_of_amount
from summed
