{#- When a device was seen together with somebody known, and with whom. -#}
{{ config(materialized='nightly', key='birth_order', scope='int_identity__person_region') }}

with

usable_identifiers as (
    select * from {{ ref('int_identity__usable_identifiers') }}
    where {{ is_in_person_region('birth_order') }}
),

person_clusters as (
    select * from {{ ref('int_identity__person_clusters') }}
),

known_records as (
    select distinct birth_order
    from usable_identifiers
    where strength in ('strong', 'unique', 'weak')
),

known_clusters as (
    select distinct person_clusters.person_cluster
    from person_clusters
    inner join known_records
        on person_clusters.birth_order = known_records.birth_order
)

select
    usable_identifiers.identifier_key as device_key,
    person_clusters.person_cluster,
    usable_identifiers.birth_order,
    usable_identifiers.load_sequence,
    usable_identifiers.observed_at
from usable_identifiers
inner join person_clusters
    on usable_identifiers.birth_order = person_clusters.birth_order
inner join known_clusters
    on person_clusters.person_cluster = known_clusters.person_cluster
where usable_identifiers.strength = 'device'
