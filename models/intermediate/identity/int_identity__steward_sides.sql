{#- Records on the two sides of a cannot_link: two values of one namespace, which never share a person. -#}
with

decisions as (
    select * from {{ ref('int_identity__decisions') }}
    where decision = 'cannot_link'
),

identifier_sightings as (
    select * from {{ ref('int_identity__identifier_sightings') }}
),

records as (
    select * from {{ ref('int_identity__records') }}
)

select
    identifier_sightings.birth_order,
    'cannot_link|' || decisions.decision_id as namespace,
    decisions.side as value
from decisions
inner join identifier_sightings
    on decisions.identifier_key = identifier_sightings.identifier_key
union
select
    records.birth_order,
    'cannot_link|' || decisions.decision_id as namespace,
    decisions.side as value
from decisions
inner join records
    on decisions.identifier_type = 'record'
        and decisions.identifier_value = records.record_id
