with

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

stages as (
    select * from {{ ref('dim_stage') }}
),

skips as (
    select
        transitions.transition_id,
        transitions.person_id,
        transitions.track,
        transitions.cycle_number,
        transitions.entered_at as passed_at,
        transitions.motion,
        transitions.route,
        transitions.channel,
        transitions.campaign_id,
        transitions.region,
        transitions.industry,
        stages.stage_position - transitions.skipped_stages as first_passed_position,
        stages.stage_position as reached_position
    from transitions
    inner join stages
        on transitions.stage = stages.stage
    where transitions.direction = 'skip'
)

select
    skips.transition_id,
    skips.person_id,
    skips.track,
    skips.cycle_number,
    stages.stage,
    stages.stage_rank,
    skips.passed_at,
    skips.motion,
    skips.route,
    skips.channel,
    skips.campaign_id,
    skips.region,
    skips.industry
from skips
inner join stages
    on
        skips.first_passed_position <= stages.stage_position
        and skips.reached_position > stages.stage_position
