with

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

rates as (
    select * from {{ ref('int_finance__exchange_rates') }}
),

-- one amount per deal for pipeline and revenue alike: the rate of the day it was closed, of the day it was opened while it is open
dated as (
    select
        *,
        cast(coalesce(closed_at, created_at) as date) as rate_on
    from opportunities
)

select
    dated.opportunity_record_id,
    dated.rate_on,
    rates.rate as exchange_rate,
    cast(round(cast(dated.amount as double) * rates.rate, 2) as decimal(18, 2)) as reporting_amount,
    rates.rate is not null as is_converted
from dated
left join rates
    on
        upper(dated.currency) = rates.currency
        and dated.rate_on >= rates.valid_from
        and (rates.valid_to is null or dated.rate_on < rates.valid_to)
