{#- What keeps clusters apart when probable links join them. -#}
with

record_contacts as (
    select * from {{ ref('int_identity__record_contacts') }}
    where {{ is_in_person_region('birth_order') }}
),

parted_records as (
    select distinct
        birth_order,
        'cannot_link|' || decision_id as namespace,
        side as value
    from {{ ref('int_identity__decision_records') }}
    where decision = 'cannot_link'
        and {{ is_in_person_region('birth_order') }}
),

cluster_records as (
    select * from {{ ref('int_identity__cluster_records') }}
    where {{ is_in_person_region('birth_order') }}
),

record_values as (
    select * from record_contacts
    union all
    select * from parted_records
)

select distinct
    cluster_records.cluster_id as node,
    record_values.namespace,
    record_values.value
from record_values
inner join cluster_records
    on record_values.birth_order = cluster_records.birth_order
