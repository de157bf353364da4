with

segments as (
    select * from {{ ref('segments') }}
),

members as (
    select * from {{ ref('bridge_person_segment') }}
),

persons as (
    select * from {{ ref('dim_person') }}
),

stages as (
    select * from {{ ref('dim_stage') }}
),

contactability as (
    select * from {{ ref('mart_contactability') }}
),

purposes as (
    select * from {{ ref('contact_purposes') }}
    where is_form_default
),

reachable as (
    select distinct contactability.person_id
    from contactability
    inner join purposes
        on contactability.purpose = purposes.purpose
    where contactability.is_contactable
)

select
    segments.segment,
    segments.label_en,
    segments.label_zh,
    stages.stage,
    stages.stage_rank,
    count(*) as person_count,
    count(distinct persons.account_id) as account_count,
    count(reachable.person_id) as contactable_count,
    {{ exact_mean('persons.score_display') }} as mean_score
from segments
inner join members
    on segments.segment = members.segment
inner join persons
    on members.person_id = persons.person_id
inner join stages
    on persons.stage = stages.stage
left join reachable
    on members.person_id = reachable.person_id
group by segments.segment, segments.label_en, segments.label_zh, stages.stage, stages.stage_rank
