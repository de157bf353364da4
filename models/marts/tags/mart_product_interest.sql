with

interactions as (
    select * from {{ ref('fct_interaction') }}
),

persons as (
    select * from {{ ref('dim_person') }}
    where not is_anonymous
),

touches as (
    select
        interactions.person_id,
        interactions.product_id,
        interactions.is_meaningful,
        interactions.duration_seconds,
        interactions.occurred_at
    from interactions
    where
        interactions.is_engagement
        and interactions.direction = 'inbound'
)

select
    touches.person_id,
    persons.account_id,
    touches.product_id,
    persons.stage,
    count(*) as touch_count,
    count(*) filter (where touches.is_meaningful) as meaningful_touch_count,
    cast({{ exact_sum("coalesce(touches.duration_seconds, 0)") }} as double) / 60 as minutes,
    min(touches.occurred_at) as first_touched_at,
    max(touches.occurred_at) as last_touched_at
from touches
inner join persons
    on touches.person_id = persons.person_id
where touches.product_id is not null
group by touches.person_id, persons.account_id, touches.product_id, persons.stage
