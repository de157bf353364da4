with

rates as (
    select * from {{ ref('exchange_rates') }}
),

reporting as (
    select currency as reporting_currency from {{ ref('reporting_currency') }}
)

select
    rates.currency,
    rates.valid_from,
    lead(rates.valid_from) over (partition by rates.currency order by rates.valid_from) as valid_to,
    rates.rate,
    reporting.reporting_currency
from rates
cross join reporting
