{{ config(materialized='view') }}

with

identifier_sightings as (
    select * from {{ ref('int_identity__identifier_sightings') }}
),

identifier_guards as (
    select * from {{ ref('int_identity__identifier_guards') }}
),

records as (
    select * from {{ ref('int_identity__records') }}
)

select
    records.record_id,
    identifier_sightings.birth_order,
    identifier_sightings.identifier_key,
    identifier_sightings.identifier_type,
    identifier_sightings.identifier_value,
    identifier_guards.strength,
    identifier_guards.guard_reason,
    identifier_sightings.load_sequence,
    identifier_guards.is_usable,
    identifier_sightings.arrived_at,
    identifier_sightings.observed_at,
    identifier_sightings.last_observed_at
from identifier_sightings
inner join identifier_guards
    on identifier_sightings.identifier_key = identifier_guards.identifier_key
inner join records
    on identifier_sightings.birth_order = records.birth_order
