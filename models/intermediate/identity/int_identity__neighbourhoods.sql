{#- How far a change can reach: records of one neighbourhood share, directly or over others, something that may link.
    What identity makes of a record depends on its neighbourhood alone; the next night resolves whole ones. -#}
{{ config(materialized='nightly', key='birth_order', scope='int_identity__person_region') }}

with

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
    where {{ is_in_person_region('birth_order') }}
),

neighbourhood_components as (
    select * from {{ ref('int_identity__neighbourhood_components') }}
)

select
    record_persons.birth_order,
    coalesce(neighbourhood_components.component, record_persons.person_birth_order) as neighbourhood_id
from record_persons
left join neighbourhood_components
    on record_persons.person_birth_order = neighbourhood_components.node
