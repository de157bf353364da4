{%- set items = {
    'content': 'content_id', 'content_type': "coalesce(content_type, 'unknown')", 'journey_stage': "coalesce(journey_stage, 'unknown')",
} -%}

with

views as (
    select * from {{ ref('fct_interaction') }}
    where
        content_id is not null
        and is_engagement
        and direction = 'inbound'
),

stays as (
    select * from {{ ref('int_content__stays') }}
),

placed as (
    select
        views.content_id,
        views.content_type,
        views.journey_stage,
        views.person_id,
        views.was_anonymous,
        views.duration_seconds,
        views.occurred_at,
        {{ format_month('views.occurred_at') }} as month,
        coalesce(stays.transition_id, '(none)') as transition_id,
        coalesce(stays.stage, '(none)') as stage
    from views
    left join stays
        on
            views.person_id = stays.person_id
            and views.occurred_at >= stays.entered_at
            and views.occurred_at < stays.held_until
),

items as (
    {%- for item_type, item_id in items.items() %}
        select
            placed.*,
            '{{ item_type }}' as item_type,
            {{ item_id }} as item_id
        from placed
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
)

select
    item_type,
    item_id,
    person_id,
    transition_id,
    month,
    stage,
    count(*) as view_count,
    count(case when not was_anonymous then 1 end) as known_view_count,
    count(duration_seconds) as measured_view_count,
    {{ exact_sum('coalesce(duration_seconds, 0)') }} as dwell_seconds,
    min(occurred_at) as first_viewed_at
from items
group by item_type, item_id, person_id, transition_id, month, stage
