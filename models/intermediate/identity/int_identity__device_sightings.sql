{#- When a device was seen together with somebody known, and with whom. -#}
with

identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

components as (
    select * from {{ ref('int_identity__components') }}
),

records as (
    select * from {{ ref('int_identity__records') }}
),

clusters as (
    select
        records.record_id,
        records.birth_order,
        coalesce(components.component_id, records.record_id) as cluster_id
    from records
    left join components
        on records.record_id = components.node_id
),

known_clusters as (
    select distinct clusters.cluster_id
    from identifiers
    inner join clusters
        on identifiers.record_id = clusters.record_id
    where identifiers.is_usable
        and identifiers.strength in ('strong', 'unique', 'weak')
)

select
    identifiers.identifier_value as anonymous_id,
    clusters.cluster_id,
    identifiers.record_id,
    identifiers.load_sequence,
    clusters.birth_order,
    identifiers.observed_at
from identifiers
inner join clusters
    on identifiers.record_id = clusters.record_id
inner join known_clusters
    on clusters.cluster_id = known_clusters.cluster_id
where identifiers.is_usable
    and identifiers.strength = 'device'
