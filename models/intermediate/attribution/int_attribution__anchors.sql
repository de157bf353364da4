with

targets as (
    select * from {{ ref('int_attribution__targets') }}
),

paths as (
    select * from {{ ref('int_attribution__paths') }}
),

anchors as (
    select * from {{ ref('attribution_anchors') }}
),

steps as (
    select * from {{ ref('funnel_steps') }}
),

stages as (
    select * from {{ ref('stages') }}
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

anchor_steps as (
    select distinct
        steps.step,
        stages.stage_rank
    from anchors
    inner join steps
        on anchors.anchor = steps.step
    inner join stages
        on steps.stage = stages.stage
),

-- the first time that somebody stood there or higher, with the account of that time
reached as (
    select
        transitions.person_id,
        transitions.account_id,
        anchor_steps.step,
        min(transitions.entered_at) as reached_at
    from transitions
    inner join anchor_steps
        on transitions.stage_rank >= anchor_steps.stage_rank
    group by transitions.person_id, transitions.account_id, anchor_steps.step
),

party_reached as (
    select
        'person' as touches_of,
        person_id as party_id,
        step,
        min(reached_at) as reached_at
    from reached
    group by person_id, step

    union all

    select
        'account' as touches_of,
        account_id as party_id,
        step,
        min(reached_at) as reached_at
    from reached
    where account_id is not null
    group by account_id, step
),

anchored as (
    select
        target_id,
        'first' as anchor,
        cast(1 as bigint) as position
    from paths
    where position = 1

    union all

    select
        target_id,
        'last' as anchor,
        position
    from paths
    where position = touch_count

    union all

    select
        target_id,
        'opened' as anchor,
        max(position) as position
    from paths
    where is_before_opening
    group by target_id

    union all

    select
        paths.target_id,
        party_reached.step as anchor,
        max(paths.position) as position
    from targets
    inner join party_reached
        on
            targets.touches_of = party_reached.touches_of
            and targets.party_id = party_reached.party_id
            and targets.ended_at >= party_reached.reached_at
    inner join paths
        on
            targets.target_id = paths.target_id
            and party_reached.reached_at >= paths.touched_at
    group by paths.target_id, party_reached.step
)

select
    anchored.target_id,
    anchors.model,
    anchored.position,
    {{ exact_sum('anchors.weight') }} as anchor_weight
from anchored
inner join anchors
    on anchored.anchor = anchors.anchor
group by anchored.target_id, anchors.model, anchored.position
