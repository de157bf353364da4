{#- Identifiers whose guard may change tonight: shown by a changed record, or named by a decision. Empty on a full night.
    Whether one could link before tonight is kept while the night lasts, so that a build taken up again still knows. -#}
with

identifier_sightings as (
    select * from {{ ref('int_identity__identifier_sightings') }}
),

changed_records as (
    select * from {{ ref('int_identity__changed_records') }}
),

changed_decisions as (
    select * from {{ ref('int_identity__changed_decisions') }}
),

night as (
    select * from {{ ref('int_identity__night') }}
),

touched as (
    select identifier_sightings.identifier_key
    from identifier_sightings
    inner join changed_records
        on identifier_sightings.birth_order = changed_records.birth_order
    union
    select identifier_key
    from changed_decisions
),

guards_before as (
    select *
    from {{ last_night('int_identity__identifier_guards', {'identifier_key': 'bigint', 'is_usable': 'boolean'}) }}
    where is_usable
),

touched_before as (
    select *
    from {{ last_night('int_identity__touched_identifiers', {
        'identifier_key': 'bigint', 'was_usable': 'boolean', 'night_number': 'integer'
    }) }}
    where was_usable
),

usable_before as (
    select guards_before.identifier_key
    from guards_before
    inner join touched
        on guards_before.identifier_key = touched.identifier_key
    union
    select touched_before.identifier_key
    from touched_before
    inner join night
        on touched_before.night_number = night.night_number
)

select
    touched.identifier_key,
    usable_before.identifier_key is not null as was_usable,
    night.night_number
from touched
cross join night
left join usable_before
    on touched.identifier_key = usable_before.identifier_key
