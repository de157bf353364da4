with

content as (
    select * from {{ ref('stg_engagement__content') }}
),

content_journey_stages as (
    select * from {{ ref('content_journey_stages') }}
),

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
    where content_id is not null
),

-- as the touches see it: the first record of an id speaks
catalogued as (
    select *
    from content
    qualify row_number() over (partition by content_id order by record_id) = 1
),

seen as (
    select
        content_id,
        count(*) as touch_count,
        count(distinct person_id) as person_count,
        min(occurred_at) as first_seen_at,
        max(occurred_at) as last_seen_at
    from interactions
    group by content_id
),

all_content as (
    select content_id from catalogued
    union
    select content_id from seen
)

select
    all_content.content_id,
    catalogued.title,
    coalesce(catalogued.content_type, 'unknown') as content_type,
    coalesce(catalogued.topic, 'unknown') as topic,
    coalesce(catalogued.purpose, 'unknown') as purpose,
    catalogued.case_type,
    catalogued.product_id,
    coalesce(catalogued.persona, 'unknown') as persona,
    coalesce(catalogued.journey_stage, content_journey_stages.journey_stage, 'unknown') as journey_stage,
    case
        when catalogued.journey_stage is not null then 'catalogue'
        when content_journey_stages.journey_stage is not null then 'content_type'
        else 'none'
    end as journey_stage_from,
    catalogued.url,
    coalesce(seen.touch_count, 0) as touch_count,
    coalesce(seen.person_count, 0) as person_count,
    catalogued.content_id is not null as is_in_catalogue,
    seen.first_seen_at,
    seen.last_seen_at
from all_content
left join catalogued
    on all_content.content_id = catalogued.content_id
left join content_journey_stages
    on catalogued.content_type = content_journey_stages.content_type
left join seen
    on all_content.content_id = seen.content_id
