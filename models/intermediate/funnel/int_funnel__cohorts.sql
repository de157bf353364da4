with

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

passed_stages as (
    select * from {{ ref('int_funnel__passed_stages') }}
),

-- a stage that was skipped counts as reached at the instant of the skip
entries as (
    select
        transition_id,
        person_id,
        track,
        cycle_number,
        stage,
        stage_rank,
        entered_at,
        false as is_passed,
        motion,
        route,
        channel,
        campaign_id,
        region,
        industry
    from transitions
    union all
    select
        transition_id,
        person_id,
        track,
        cycle_number,
        stage,
        stage_rank,
        passed_at as entered_at,
        true as is_passed,
        motion,
        route,
        channel,
        campaign_id,
        region,
        industry
    from passed_stages
)

select
    {{ md5_text(['transition_id', 'stage']) }} as cohort_entry_id,
    transition_id,
    person_id,
    track,
    cycle_number,
    stage,
    stage_rank,
    entered_at,
    {{ format_month('entered_at') }} as cohort_month,
    is_passed,
    motion,
    coalesce(route, 'unknown') as route,
    channel,
    campaign_id,
    region,
    industry
from entries
