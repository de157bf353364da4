{{ config(meta={'dagster': {'ref': {'name': 'exchange_rates'}}}) }}
-- One reporting currency with a rate of one, one default model, weights that are no more than the whole, one word for any other purpose.
with

reporting as (
    select * from {{ ref('reporting_currency') }}
),

rates as (
    select * from {{ ref('exchange_rates') }}
),

models as (
    select * from {{ ref('attribution_models') }}
),

anchors as (
    select * from {{ ref('attribution_anchors') }}
),

steps as (
    select * from {{ ref('funnel_steps') }}
),

purposes as (
    select * from {{ ref('cost_purposes') }}
)

select
    'exactly one reporting currency' as fault,
    cast(count(*) as varchar) as found
from reporting
having count(*) <> 1

union all

select
    'the reporting currency has the rate 1' as fault,
    reporting.currency as found
from reporting
left join rates
    on reporting.currency = rates.currency
where rates.rate is null or rates.rate <> 1

union all

select
    'exactly one default model' as fault,
    cast(count(*) as varchar) as found
from models
where is_default
having count(*) <> 1

union all

select
    'a decay model has a half-life' as fault,
    model as found
from models
where kind = 'decay' and (half_life_days is null or half_life_days <= 0)

union all

select
    'weights of a position model and its rest are the whole' as fault,
    models.model as found
from models
left join anchors
    on models.model = anchors.model
where models.kind = 'position'
group by models.model, models.rest_weight
having abs(models.rest_weight + coalesce(sum(anchors.weight), 0) - 1) > 0.000001

union all

select
    'an anchor is first, last, opened or a step' as fault,
    anchors.anchor as found
from anchors
left join steps
    on anchors.anchor = steps.step
where anchors.anchor not in ('first', 'last', 'opened') and steps.step is null

union all

select
    'any other purpose (*) has a side' as fault,
    cast(count(*) as varchar) as found
from purposes
where purpose = '*'
having count(*) <> 1
