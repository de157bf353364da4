{{ config(meta={'dagster': {'ref': {'name': 'behaviour_rules'}}}) }}
-- A rule that names a gate or an interaction type which no seed knows would silently never act. Stages, signals and routes:
-- assert_stage_model_is_sound.
with

routes as (
    select * from {{ ref('routes') }}
),

gates as (
    select * from {{ ref('gates') }}
),

behaviour_rules as (
    select * from {{ ref('behaviour_rules') }}
),

interaction_types as (
    select * from {{ ref('interaction_types') }}
)

select
    'routes.gate' as rule,
    gate as word
from routes
where gate <> 'none' and gate not in (select gates.gate from gates)

union all

select
    'behaviour_rules.interaction_type' as rule,
    interaction_type as word
from behaviour_rules
where interaction_type not in (select interaction_types.interaction_type from interaction_types)
