{#- One row per pass through the funnel and step that it reached. Whoever skipped over a step has reached it, and whoever was never seen
    below the stage that he began in has reached all steps below it: somebody whose first trace is a webinar is a lead as well. -#}
with

cohorts as (
    select * from {{ ref('int_funnel__cohorts') }}
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

steps as (
    select * from {{ ref('funnel_steps') }}
),

stages as (
    select * from {{ ref('stages') }}
),

ranked_steps as (
    select
        steps.step,
        steps.stage,
        stages.stage_rank
    from steps
    inner join stages
        on steps.stage = stages.stage
),

lead_rank as (
    select stage_rank
    from ranked_steps
    where step = 'lead'
),

entries as (
    select
        cohorts.person_id,
        cohorts.track,
        cohorts.cycle_number,
        cohorts.stage_rank,
        ranked_steps.step,
        cohorts.channel,
        cohorts.campaign_id,
        cohorts.entered_at
    from cohorts
    left join ranked_steps
        on cohorts.stage = ranked_steps.stage

    union all

    select
        transitions.person_id,
        transitions.track,
        transitions.cycle_number,
        transitions.stage_rank,
        ranked_steps.step,
        transitions.channel,
        transitions.campaign_id,
        transitions.entered_at
    from transitions
    inner join ranked_steps
        on transitions.stage_rank > ranked_steps.stage_rank
    where transitions.previous_stage is null and transitions.track = 'acquisition'
),

-- a pass belongs to the month in which somebody first could be reached in it
cycles as (
    select
        entries.person_id,
        entries.track,
        entries.cycle_number,
        min(entries.entered_at) as cohort_started_at
    from entries
    inner join lead_rank
        on entries.stage_rank >= lead_rank.stage_rank
    group by entries.person_id, entries.track, entries.cycle_number
)

select
    entries.person_id,
    entries.track,
    case entries.track when 'acquisition' then 'acquisition' else 'retention' end as side,
    entries.cycle_number,
    entries.step,
    min(entries.channel) as channel,
    min(entries.campaign_id) as campaign_id,
    min(entries.entered_at) as reached_at,
    {{ format_month('min(entries.entered_at)') }} as reached_month,
    cycles.cohort_started_at,
    {{ format_month('cycles.cohort_started_at') }} as cohort_month
from entries
inner join cycles
    on
        entries.person_id = cycles.person_id
        and entries.track = cycles.track
        and entries.cycle_number = cycles.cycle_number
where entries.step is not null
group by entries.person_id, entries.track, entries.cycle_number, entries.step, cycles.cohort_started_at
