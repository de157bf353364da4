-- A rule that names a stage, signal, gate, route or interaction type which no seed knows would silently never act.
with

stages as (
    select * from {{ ref('stages') }}
),

signals as (
    select * from {{ ref('signals') }}
),

crm_status_map as (
    select * from {{ ref('crm_status_map') }}
),

routes as (
    select * from {{ ref('routes') }}
),

gates as (
    select * from {{ ref('gates') }}
),

thresholds as (
    select * from {{ ref('thresholds') }}
),

behaviour_rules as (
    select * from {{ ref('behaviour_rules') }}
),

interaction_types as (
    select * from {{ ref('interaction_types') }}
),

statuses as (
    select * from {{ ref('statuses') }}
)

select
    'signals.to_stage' as rule,
    to_stage as word
from signals
where to_stage <> 'pool' and to_stage not in (select stages.stage from stages)

union all

select
    'signals.from_min_stage' as rule,
    from_min_stage as word
from signals
where from_min_stage not in (select stages.stage from stages)

union all

select
    'signals.status' as rule,
    status as word
from signals
where status not in (select statuses.status from statuses)

union all

select
    'crm_status_map.signal' as rule,
    signal as word
from crm_status_map
where signal not in (select signals.signal from signals)

union all

select
    'routes.signal' as rule,
    signal as word
from routes
where signal not in (select signals.signal from signals)

union all

select
    'routes.gate' as rule,
    gate as word
from routes
where gate <> 'none' and gate not in (select gates.gate from gates)

union all

select
    'thresholds.stage' as rule,
    stage as word
from thresholds
where stage not in (select stages.stage from stages)

union all

select
    'thresholds.route' as rule,
    route as word
from thresholds
where route not in (select routes.route from routes)

union all

select
    'behaviour_rules.interaction_type' as rule,
    interaction_type as word
from behaviour_rules
where interaction_type not in (select interaction_types.interaction_type from interaction_types)
