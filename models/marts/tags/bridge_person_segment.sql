with

segment_tags as (
    select * from {{ ref('segment_tags') }}
),

person_tags as (
    select * from {{ ref('bridge_person_tag') }}
),

persons as (
    select person_id from {{ ref('dim_person') }}
    where not is_anonymous
),

conditions as (
    select
        segment,
        alternative,
        tag as condition_number,
        is_negated
    from segment_tags
),

matches as (
    select
        person_tags.person_id,
        conditions.segment,
        conditions.alternative,
        conditions.condition_number
    from conditions
    inner join person_tags
        on conditions.condition_number = person_tags.tag
),

satisfied as (
    {{ satisfied('segment') }}
)

select
    person_id,
    segment,
    min(alternative) as alternative
from satisfied
group by person_id, segment
