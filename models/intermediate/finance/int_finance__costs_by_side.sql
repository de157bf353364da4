with

costs as (
    select * from {{ ref('fct_cost') }}
),

purposes as (
    select * from {{ ref('cost_purposes') }}
),

any_other as (
    select side from purposes
    where purpose = '*'
)

select
    costs.cost_id,
    costs.channel,
    costs.campaign_id,
    costs.month,
    costs.cost_on,
    coalesce(purposes.side, any_other.side) as side,
    costs.reporting_amount,
    costs.is_converted
from costs
cross join any_other
left join purposes
    on costs.purpose = purposes.purpose
