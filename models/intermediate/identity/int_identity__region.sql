{#- Records that are resolved again tonight: the changed ones, and every neighbourhood that an identifier of theirs reaches.
    A hot identifier that was hot before reaches nobody. Empty on a full night, which resolves all. -#}
with

changed_records as (
    select * from {{ ref('int_identity__changed_records') }}
),

touched_identifiers as (
    select * from {{ ref('int_identity__touched_identifiers') }}
),

identifier_guards as (
    select * from {{ ref('int_identity__identifier_guards') }}
),

identifier_sightings as (
    select * from {{ ref('int_identity__identifier_sightings') }}
),

neighbourhoods as (
    select * from {{ last_night('int_identity__neighbourhoods', {'birth_order': 'bigint', 'neighbourhood_id': 'bigint'}) }}
),

linking as (
    select touched_identifiers.identifier_key
    from touched_identifiers
    inner join identifier_guards
        on touched_identifiers.identifier_key = identifier_guards.identifier_key
    where identifier_guards.is_usable
        or touched_identifiers.was_usable
),

reached as (
    select identifier_sightings.birth_order
    from identifier_sightings
    inner join linking
        on identifier_sightings.identifier_key = linking.identifier_key
    union
    select birth_order from changed_records
),

reached_neighbourhoods as (
    select distinct neighbourhoods.neighbourhood_id
    from neighbourhoods
    inner join reached
        on neighbourhoods.birth_order = reached.birth_order
)

select neighbourhoods.birth_order
from neighbourhoods
inner join reached_neighbourhoods
    on neighbourhoods.neighbourhood_id = reached_neighbourhoods.neighbourhood_id
union
select birth_order from reached
