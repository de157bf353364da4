with

cohorts as (
    select * from {{ ref('int_funnel__cohorts') }}
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

statuses as (
    select * from {{ ref('fct_lifecycle_status') }}
),

stages as (
    select * from {{ ref('dim_stage') }}
),

-- a row at or above a stage has reached it; inside a cycle the stage only rises, so the first such row is the moment
cycle_reaches as (
    select
        transitions.person_id,
        transitions.track,
        transitions.cycle_number,
        stages.stage,
        min(transitions.entered_at) as reached_at
    from transitions
    inner join stages
        on transitions.stage_rank >= stages.stage_rank
    group by transitions.person_id, transitions.track, transitions.cycle_number, stages.stage
),

open_cycles as (
    select
        person_id,
        track,
        cycle_number
    from transitions
    where is_current
),

disqualified as (
    select distinct person_id
    from statuses
    where status = 'disqualified' and is_open
),

pairs as (
    select
        cohorts.cohort_entry_id,
        stages.stage as to_stage,
        stages.stage_rank as to_stage_rank,
        min(case when cycle_reaches.cycle_number = cohorts.cycle_number then cycle_reaches.reached_at end) as reached_at,
        min(cycle_reaches.reached_at) as reached_any_cycle_at
    from cohorts
    inner join stages
        on cohorts.stage_rank < stages.stage_rank
    left join cycle_reaches
        on
            cohorts.person_id = cycle_reaches.person_id
            and cohorts.track = cycle_reaches.track
            and cohorts.cycle_number <= cycle_reaches.cycle_number
            and stages.stage = cycle_reaches.stage
    group by cohorts.cohort_entry_id, stages.stage, stages.stage_rank
)

select
    cohorts.cohort_entry_id,
    cohorts.person_id,
    cohorts.track,
    cohorts.cycle_number,
    cohorts.stage as from_stage,
    cohorts.stage_rank as from_stage_rank,
    pairs.to_stage,
    pairs.to_stage_rank,
    cohorts.entered_at,
    cohorts.cohort_month,
    cohorts.is_passed,
    pairs.reached_at,
    {{ days_between('cohorts.entered_at', 'pairs.reached_at') }} as days_to_reach,
    pairs.reached_at is not null as is_reached,
    pairs.reached_any_cycle_at is not null as is_reached_any_cycle,
    pairs.reached_at is null and open_cycles.person_id is not null and disqualified.person_id is null as is_open,
    pairs.reached_at is null and (open_cycles.person_id is null or disqualified.person_id is not null) as is_lost,
    cohorts.motion,
    cohorts.route,
    cohorts.channel,
    cohorts.campaign_id,
    cohorts.region,
    cohorts.industry
from cohorts
inner join pairs
    on cohorts.cohort_entry_id = pairs.cohort_entry_id
left join open_cycles
    on
        cohorts.person_id = open_cycles.person_id
        and cohorts.track = open_cycles.track
        and cohorts.cycle_number = open_cycles.cycle_number
left join disqualified
    on cohorts.person_id = disqualified.person_id
