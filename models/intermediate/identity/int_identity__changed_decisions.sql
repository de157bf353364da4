{#- Sides of stewards' decisions that were not followed last night, or no longer are. Empty on a full night, which follows them all. -#}
with

night as (
    select * from {{ ref('int_identity__night') }}
    where is_delta
),

decided_now as (
    select decision_sides.*
    from {{ ref('int_identity__decision_sides') }} as decision_sides
    cross join night
),

decided_before as (
    select *
    from {{ last_night('int_identity__night_decisions', {
        'decision_id': 'varchar', 'side': 'varchar', 'identifier_type': 'varchar', 'identifier_value': 'varchar', 'identifier_key': 'bigint'
    }) }}
)

select
    coalesce(decided_now.identifier_type, decided_before.identifier_type) as identifier_type,
    coalesce(decided_now.identifier_value, decided_before.identifier_value) as identifier_value,
    coalesce(decided_now.identifier_key, decided_before.identifier_key) as identifier_key
from decided_now
full join decided_before
    on decided_now.decision_id = decided_before.decision_id
        and decided_now.side = decided_before.side
where decided_now.decision_id is null
    or decided_before.decision_id is null
