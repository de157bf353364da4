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
)

{%- set guards = identity_relation('int_identity__identifier_guards') if execute else none %}
{%- if night_is_delta() and guards is not none %},

guards_before as (
    select * from {{ guards }}
)

{%- set earlier = load_cached_relation(this) %},

usable_before as (
    select guards_before.identifier_key
    from guards_before
    where guards_before.is_usable
        and guards_before.identifier_key in (select touched.identifier_key from touched)
    {%- if earlier is not none %}
        union
        select earlier.identifier_key
        from {{ this }} as earlier
        inner join night
            on earlier.night_number = night.night_number
        where earlier.was_usable
    {%- endif %}
)

select
    touched.identifier_key,
    usable_before.identifier_key is not null as was_usable,
    night.night_number
from touched
cross join night
left join usable_before
    on touched.identifier_key = usable_before.identifier_key
{%- else %}

select
    touched.identifier_key,
    false as was_usable,
    night.night_number
from touched
cross join night
where false
{%- endif %}
