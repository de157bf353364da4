{#- As whom each person with a name is talked to: the first persona whose tag the person bears. -#}
with

personas as (
    select * from {{ ref('personas') }}
),

persons as (
    select person_id from {{ ref('dim_person') }}
    where not is_anonymous
),

person_tags as (
    select * from {{ ref('bridge_person_tag') }}
),

-- a persona without a tag is everybody's
fitting as (
    select
        person_tags.person_id,
        personas.persona,
        personas.priority
    from personas
    inner join person_tags
        on personas.tag = person_tags.tag
    union all
    select
        persons.person_id,
        personas.persona,
        personas.priority
    from persons
    cross join personas
    where personas.tag is null
)

select
    person_id,
    persona
from fitting
qualify row_number() over (partition by person_id order by priority asc, persona asc) = 1
