{#- What may link: the identifiers of each record that no guard has refused. -#}
{{ config(materialized='nightly', key='birth_order', scope='int_identity__region') }}

with

identifier_sightings as (
    select * from {{ ref('int_identity__identifier_sightings') }}
    where {{ is_in_region('birth_order') }}
),

identifier_guards as (
    select * from {{ ref('int_identity__identifier_guards') }}
    where is_usable
)

select
    identifier_sightings.birth_order,
    identifier_sightings.identifier_key,
    identifier_guards.identifier_type,
    identifier_guards.strength,
    identifier_guards.trust_rank,
    identifier_sightings.load_sequence,
    identifier_sightings.arrived_at,
    identifier_sightings.observed_at
from identifier_sightings
inner join identifier_guards
    on identifier_sightings.identifier_key = identifier_guards.identifier_key
