{#- Records whose person may be another tonight: the region, and the neighbourhoods that a probable link now joins to it.
    Empty on a full night. -#}
with

region as (
    select * from {{ ref('int_identity__region') }}
),

-- clusters of the region, and those that a block which crossed its limit now joins or parts
touched_clusters as (
    select * from {{ ref('int_identity__link_touched') }}
),

probable_links as (
    select * from {{ ref('int_identity__probable_links') }}
),

neighbourhoods as (
    select * from {{ last_night('int_identity__neighbourhoods', {'birth_order': 'bigint', 'neighbourhood_id': 'bigint'}) }}
),

both_ways as (
    select
        cluster_a as from_cluster,
        cluster_b as to_cluster
    from probable_links
    union all
    select
        cluster_b as from_cluster,
        cluster_a as to_cluster
    from probable_links
),

reached_clusters as (
    select cluster_id from touched_clusters
    union
    select both_ways.to_cluster as cluster_id
    from both_ways
    inner join touched_clusters
        on both_ways.from_cluster = touched_clusters.cluster_id
),

joined_neighbourhoods as (
    select distinct neighbourhoods.neighbourhood_id
    from reached_clusters
    inner join neighbourhoods
        on reached_clusters.cluster_id = neighbourhoods.birth_order
)

select neighbourhoods.birth_order
from neighbourhoods
inner join joined_neighbourhoods
    on neighbourhoods.neighbourhood_id = joined_neighbourhoods.neighbourhood_id
union
select birth_order from region
