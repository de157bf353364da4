with

won_deals as (
    select * from {{ ref('int_routing__won_deals') }}
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
        won_deals.currency,
        won_deals.team,
        won_deals.route,
        count(*) as won_count,
        cast(sum(coalesce(won_deals.amount, 0)) as decimal(18, 2)) as won_amount
    from won_deals
    cross join period_types
    group by
        period_types.period_type,
        case period_types.period_type when 'month' then won_deals.closed_month else 'all' end,
        won_deals.currency,
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
    won_amount,
    cast(won_amount as double) / nullif(cast(sum(won_amount) over (partition by period, currency) as double), 0) as share_of_amount
from summed
