{#- Clusters of strong links that share a weak identifier, with the names that each has shown. A device counts among clusters
    that have a name; what has none follows in int_identity__device_attachments. -#}
with

weak_identifiers as (
    select * from {{ ref('int_identity__usable_identifiers') }}
    where {{ is_in_region('birth_order') }}
        and strength in ('weak', 'device')
),

strong_identifiers as (
    select * from {{ ref('int_identity__usable_identifiers') }}
    where {{ is_in_region('birth_order') }}
        and strength in ('strong', 'unique')
),

strong_clusters as (
    select * from {{ ref('int_identity__strong_clusters') }}
),

record_names as (
    select * from {{ ref('int_identity__record_names') }}
    where {{ is_in_region('birth_order') }}
),

clustered as (
    select
        weak_identifiers.identifier_key,
        weak_identifiers.identifier_type,
        weak_identifiers.strength,
        weak_identifiers.trust_rank,
        strong_clusters.cluster,
        weak_identifiers.birth_order
    from weak_identifiers
    inner join strong_clusters
        on weak_identifiers.birth_order = strong_clusters.birth_order
),

shared as (
    select identifier_key
    from clustered
    group by identifier_key
    having min(cluster) <> max(cluster)
),

holders as (
    select
        clustered.identifier_key,
        clustered.identifier_type,
        clustered.strength,
        clustered.trust_rank,
        clustered.cluster,
        min(clustered.birth_order) as birth_order
    from clustered
    inner join shared
        on clustered.identifier_key = shared.identifier_key
    group by
        clustered.identifier_key, clustered.identifier_type, clustered.strength, clustered.trust_rank, clustered.cluster
),

holding_clusters as (
    select distinct cluster
    from holders
),

members as (
    select
        strong_clusters.birth_order,
        strong_clusters.cluster
    from strong_clusters
    inner join holding_clusters
        on strong_clusters.cluster = holding_clusters.cluster
),

cluster_names as (
    select distinct
        members.cluster,
        record_names.name_key
    from record_names
    inner join members
        on record_names.birth_order = members.birth_order
),

names_of_cluster as (
    select
        cluster,
        {{ text_agg('name_key', '|', 'name_key') }} as names_key
    from cluster_names
    group by cluster
),

strongly_known as (
    select distinct members.cluster
    from strong_identifiers
    inner join members
        on strong_identifiers.birth_order = members.birth_order
)

select
    holders.identifier_key,
    holders.identifier_type,
    holders.trust_rank,
    holders.cluster,
    holders.birth_order,
    names_of_cluster.names_key,
    strongly_known.cluster is not null as has_strong_identifier
from holders
left join names_of_cluster
    on holders.cluster = names_of_cluster.cluster
left join strongly_known
    on holders.cluster = strongly_known.cluster
where holders.strength = 'weak'
    or names_of_cluster.names_key is not null
