{#- Each stay in a stage: when it was left upward, if it was, and the group in which readers and others are compared. -#}
with

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
    where track = 'acquisition'
),

stages as (
    select * from {{ ref('stages') }}
),

matched_fields as (
    select field from {{ ref('content_matching') }}
    where is_matched and field <> 'month'
),

segments as (
    {%- for field in ['region', 'channel', 'industry', 'company_size', 'motion'] %}
        select
            transition_id,
            '{{ field }}' as field,
            {{ field }} as segment_value
        from transitions
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

strata as (
    select
        segments.transition_id,
        {{ text_agg("segments.segment_value", '|', 'segments.field') }} as stratum
    from segments
    inner join matched_fields
        on segments.field = matched_fields.field
    group by segments.transition_id
)

select
    transitions.transition_id,
    transitions.person_id,
    transitions.stage,
    coalesce(strata.stratum, 'all') as stratum,
    transitions.entered_at,
    -- no touch is later than the night, so a bound that is never null does for stays that go on, and joins as a range
    coalesce(transitions.exited_at, {{ add_days(as_of(), 1) }}) as held_until,
    case when next_stages.stage_rank > transitions.stage_rank then transitions.exited_at end as moved_up_at
from transitions
left join stages as next_stages
    on transitions.next_stage = next_stages.stage
left join strata
    on transitions.transition_id = strata.transition_id
