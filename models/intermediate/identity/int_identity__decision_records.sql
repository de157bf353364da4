{#- Which records each side of a steward's decision speaks of: the record itself, or every record that has shown the identifier. -#}
with

decision_sides as (
    select * from {{ ref('int_identity__decision_sides') }}
),

identifier_sightings as (
    select * from {{ ref('int_identity__identifier_sightings') }}
),

records as (
    select * from {{ ref('int_identity__records') }}
)

select
    decision_sides.decision_id,
    decision_sides.decision,
    decision_sides.side,
    decision_sides.identifier_type as side_type,
    decision_sides.decided_by,
    records.record_id,
    identifier_sightings.birth_order,
    identifier_sightings.load_sequence
from decision_sides
inner join identifier_sightings
    on decision_sides.identifier_key = identifier_sightings.identifier_key
inner join records
    on identifier_sightings.birth_order = records.birth_order
union all
select
    decision_sides.decision_id,
    decision_sides.decision,
    decision_sides.side,
    decision_sides.identifier_type as side_type,
    decision_sides.decided_by,
    records.record_id,
    records.birth_order,
    records.load_sequence
from decision_sides
inner join records
    on decision_sides.identifier_value = records.record_id
where decision_sides.identifier_type = 'record'
