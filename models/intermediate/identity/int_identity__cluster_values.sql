{#- What keeps clusters apart when probable links join them. -#}
with

record_contacts as (
    select * from {{ ref('int_identity__record_contacts') }}
    where {{ is_in_person_region('birth_order') }}
),

steward_sides as (
    select * from {{ ref('int_identity__steward_sides') }}
    where {{ is_in_person_region('birth_order') }}
),

cluster_records as (
    select * from {{ ref('int_identity__cluster_records') }}
    where {{ is_in_person_region('birth_order') }}
),

record_values as (
    select * from record_contacts
    union all
    select * from steward_sides
)

select distinct
    cluster_records.cluster_id as node,
    record_values.namespace,
    record_values.value
from record_values
inner join cluster_records
    on record_values.birth_order = cluster_records.birth_order
