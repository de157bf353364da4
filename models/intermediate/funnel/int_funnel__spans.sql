with

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

spans as (
    select * from {{ ref('velocity_spans') }}
),

ordered as (
    select
        transition_id,
        person_id,
        track,
        cycle_number,
        stage,
        entered_at,
        channel,
        campaign_id,
        region,
        industry,
        row_number() over (
            partition by person_id, track, cycle_number order by entered_at, stage_rank
        ) as cycle_position,
        max(case when is_current then 1 else 0 end) over (partition by person_id, track, cycle_number) = 1 as is_cycle_open,
        max(exited_at) over (partition by person_id, track, cycle_number) as cycle_exited_at
    from transitions
),

-- inside a cycle a stage is entered once
ends as (
    select
        spans.track,
        spans.from_stage,
        spans.to_stage,
        ordered.transition_id,
        ordered.person_id,
        ordered.cycle_number,
        ordered.entered_at,
        ordered.cycle_position = 1 as is_first_of_cycle,
        ordered.channel,
        ordered.campaign_id,
        ordered.region,
        ordered.industry
    from spans
    inner join ordered
        on spans.track = ordered.track and spans.to_stage = ordered.stage
),

-- nothing was seen before a row that both opens the cycle and ends the span
starts as (
    select
        spans.track,
        spans.from_stage,
        spans.to_stage,
        ordered.transition_id,
        ordered.person_id,
        ordered.cycle_number,
        ordered.entered_at,
        ordered.is_cycle_open,
        ordered.cycle_exited_at,
        ordered.channel,
        ordered.campaign_id,
        ordered.region,
        ordered.industry
    from spans
    inner join ordered
        on
            spans.track = ordered.track
            and spans.to_stage <> ordered.stage
            and (spans.from_stage = ordered.stage or (spans.from_stage = 'first_touch' and ordered.cycle_position = 1))
)

select
    coalesce(starts.track, ends.track) as track,
    coalesce(starts.from_stage, ends.from_stage) as from_stage,
    coalesce(starts.to_stage, ends.to_stage) as to_stage,
    coalesce(starts.person_id, ends.person_id) as person_id,
    coalesce(starts.cycle_number, ends.cycle_number) as cycle_number,
    starts.entered_at as started_at,
    ends.entered_at as ended_at,
    {{ days_between('starts.entered_at', 'ends.entered_at') }} as span_days,
    ends.transition_id is null and starts.is_cycle_open as is_open,
    starts.transition_id is null as is_excluded,
    -- until the end, until now, or until the cycle was over without it
    {{ days_between(
        'starts.entered_at',
        'coalesce(ends.entered_at, case when starts.is_cycle_open then ' ~ as_of() ~ ' else starts.cycle_exited_at end)'
    ) }} as observed_days,
    coalesce(starts.transition_id, ends.transition_id) as transition_id,
    starts.transition_id is null and ends.is_first_of_cycle as is_end_before_start,
    coalesce(starts.channel, ends.channel) as channel,
    coalesce(starts.campaign_id, ends.campaign_id) as campaign_id,
    coalesce(starts.region, ends.region) as region,
    coalesce(starts.industry, ends.industry) as industry
from starts
full outer join ends
    on
        starts.track = ends.track
        and starts.from_stage = ends.from_stage
        and starts.to_stage = ends.to_stage
        and starts.person_id = ends.person_id
        and starts.cycle_number = ends.cycle_number
