{#- What has gone out to people with a name, by the channel that it took: what the caps of fatigue count, and what moves a plan. -#}
with

touches as (
    select * from {{ ref('fct_interaction') }}
    where direction = 'outbound'
),

interactions as (
    select * from {{ ref('stg_engagement__interactions') }}
    where programme_id is not null
),

sent_types as (
    select * from {{ ref('sent_types') }}
),

persons as (
    select person_id from {{ ref('dim_person') }}
    where not is_anonymous
)

select
    touches.interaction_id,
    touches.person_id,
    sent_types.channel,
    touches.occurred_at as sent_at,
    interactions.programme_id as programme,
    try_cast(interactions.programme_step as integer) as step
from touches
inner join persons
    on touches.person_id = persons.person_id
inner join sent_types
    on touches.interaction_type = sent_types.interaction_type
left join interactions
    on touches.interaction_id = interactions.record_id
