{#- Purchases with the segments of the buyer's newest ledger row by then. -#}
with

revenue as (
    select * from {{ ref('int_finance__revenue') }}
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
)

select
    revenue.revenue_id,
    revenue.party_id,
    case when revenue.purchase_number = 1 then 'acquisition' else 'expansion' end as track,
    revenue.won_at,
    revenue.reporting_amount,
    coalesce(transitions.channel, 'unmapped') as channel,
    coalesce(transitions.region, 'unknown') as region,
    coalesce(transitions.industry, 'unknown') as industry
from revenue
left join transitions
    on
        revenue.person_id = transitions.person_id
        and revenue.won_at >= transitions.entered_at
qualify row_number() over (
        partition by revenue.revenue_id order by transitions.entered_at desc nulls last, transitions.transition_id asc nulls last
    ) = 1
