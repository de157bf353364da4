{#- What was won: deals, and orders that close no deal. An order that closes one is the deal's money again and stays out. -#}
with

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where is_won
),

amounts as (
    select * from {{ ref('int_finance__opportunity_amounts') }}
),

orders as (
    select * from {{ ref('fct_order') }}
    where not has_opportunity
),

won as (
    select
        opportunities.opportunity_record_id as revenue_id,
        'opportunity' as revenue_kind,
        opportunities.account_id,
        opportunities.person_id,
        opportunities.campaign_id,
        least(opportunities.created_at, opportunities.closed_at) as opened_at,
        opportunities.closed_at as won_at,
        amounts.reporting_amount
    from opportunities
    inner join amounts
        on opportunities.opportunity_record_id = amounts.opportunity_record_id

    union all

    select
        order_record_id as revenue_id,
        'order' as revenue_kind,
        account_id,
        person_id,
        cast(null as varchar) as campaign_id,
        ordered_at as opened_at,
        ordered_at as won_at,
        reporting_amount
    from orders
),

of_parties as (
    select
        *,
        coalesce(account_id, person_id, revenue_id) as party_id
    from won
)

select
    revenue_id,
    revenue_kind,
    party_id,
    account_id,
    person_id,
    campaign_id,
    opened_at,
    won_at,
    {{ format_month('won_at') }} as won_month,
    coalesce(reporting_amount, 0) as reporting_amount,
    reporting_amount is not null as is_converted,
    row_number() over (partition by party_id order by won_at, revenue_id) as purchase_number
from of_parties
