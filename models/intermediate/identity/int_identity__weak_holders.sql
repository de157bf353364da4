{#- Clusters of strong links that share a weak identifier, with the names that each has shown. A device counts among clusters
    that have a name; what has none follows in int_identity__device_attachments. -#}
with

identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

strong_components as (
    select * from {{ ref('int_identity__strong_components') }}
),

records as (
    select * from {{ ref('int_identity__records') }}
),

record_names as (
    select * from {{ ref('int_identity__record_names') }}
),

clusters as (
    select
        records.record_id,
        records.birth_order,
        coalesce(strong_components.component_id, records.record_id) as cluster_id
    from records
    left join strong_components
        on records.record_id = strong_components.node_id
),

holders as (
    select
        identifiers.identifier_type,
        identifiers.identifier_value,
        identifiers.strength,
        clusters.cluster_id,
        min(clusters.birth_order) as first_birth_order,
        min_by(identifiers.record_id, clusters.birth_order) as record_id
    from identifiers
    inner join clusters
        on identifiers.record_id = clusters.record_id
    where identifiers.is_usable
        and identifiers.strength in ('weak', 'device')
    group by identifiers.identifier_type, identifiers.identifier_value, identifiers.strength, clusters.cluster_id
),

shared as (
    select
        identifier_type,
        identifier_value
    from holders
    group by identifier_type, identifier_value
    having count(*) > 1
),

cluster_names as (
    select distinct
        clusters.cluster_id,
        record_names.name_key
    from record_names
    inner join clusters
        on record_names.record_id = clusters.record_id
),

names_of_cluster as (
    select
        cluster_id,
        {{ text_agg('name_key', '|', 'name_key') }} as names_key
    from cluster_names
    group by cluster_id
),

strongly_known as (
    select distinct clusters.cluster_id
    from identifiers
    inner join clusters
        on identifiers.record_id = clusters.record_id
    where identifiers.is_usable
        and identifiers.strength in ('strong', 'unique')
)

select
    holders.identifier_type,
    holders.identifier_value,
    holders.cluster_id,
    holders.record_id,
    names_of_cluster.names_key,
    strongly_known.cluster_id is not null as has_strong_identifier
from holders
inner join shared
    on holders.identifier_type = shared.identifier_type
        and holders.identifier_value = shared.identifier_value
left join names_of_cluster
    on holders.cluster_id = names_of_cluster.cluster_id
left join strongly_known
    on holders.cluster_id = strongly_known.cluster_id
where holders.strength = 'weak'
    or names_of_cluster.names_key is not null
