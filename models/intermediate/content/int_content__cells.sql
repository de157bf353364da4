{#- Who was active in which stage in which month, from when on: those among whom readers find people like them. -#}
with

interactions as (
    select
        person_id,
        occurred_at
    from {{ ref('fct_interaction') }}
    where
        is_engagement
        and direction = 'inbound'
),

stays as (
    select * from {{ ref('int_content__stays') }}
),

placed as (
    select
        stays.transition_id,
        stays.stage,
        stays.stratum,
        stays.moved_up_at,
        {{ format_month('interactions.occurred_at') }} as month,
        interactions.occurred_at
    from interactions
    inner join stays
        on
            interactions.person_id = stays.person_id
            and interactions.occurred_at >= stays.entered_at
            and interactions.occurred_at < stays.held_until
)

select
    transition_id,
    month,
    stage,
    stratum,
    moved_up_at,
    min(occurred_at) as first_engaged_at
from placed
group by transition_id, month, stage, stratum, moved_up_at
