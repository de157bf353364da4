with

costs as (
    select * from {{ ref('stg_finance__costs') }}
),

rates as (
    select * from {{ ref('int_finance__exchange_rates') }}
),

reporting as (
    select currency as reporting_currency from {{ ref('reporting_currency') }}
)

-- a cent is rounded here and nowhere after, so that every mart's sum is this fact's sum
select
    costs.record_id as cost_id,
    costs.source_system,
    {{ blank_to_null('lower(costs.channel)') }} as channel,
    coalesce({{ blank_to_null('costs.campaign_id') }}, 'unknown') as campaign_id,
    coalesce({{ blank_to_null('lower(costs.cost_type)') }}, 'unknown') as cost_type,
    coalesce({{ blank_to_null('lower(costs.purpose)') }}, 'unknown') as purpose,
    coalesce({{ blank_to_null('upper(costs.currency)') }}, 'unknown') as currency,
    reporting.reporting_currency,
    {{ format_month('costs.day') }} as month,
    costs.cost_amount,
    rates.rate as exchange_rate,
    cast(round(cast(costs.cost_amount as double) * rates.rate, 2) as decimal(18, 2)) as reporting_amount,
    costs.impressions,
    costs.clicks,
    {{ blank_to_null('costs.campaign_id') }} is not null as has_campaign,
    rates.rate is not null as is_converted,
    costs.day as cost_on
from costs
cross join reporting
left join rates
    on
        upper(costs.currency) = rates.currency
        and costs.day >= rates.valid_from
        and (rates.valid_to is null or costs.day < rates.valid_to)
where costs.day <= cast({{ as_of() }} as date)
