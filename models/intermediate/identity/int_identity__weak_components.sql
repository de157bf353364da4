-- depends_on: {{ ref('int_identity__strong_cluster_values') }}
{{ config(materialized='components', unique_values='int_identity__strong_cluster_values') }}

{#- Clusters of strong links that weak ones join. -#}
with

weak_edges as (
    select * from {{ ref('int_identity__weak_edges') }}
    where {{ is_in_region('node_a') }}
),

strong_clusters as (
    select * from {{ ref('int_identity__strong_clusters') }}
)

select
    clusters_a.cluster as node_a,
    clusters_b.cluster as node_b,
    weak_edges.trust_rank
from weak_edges
inner join strong_clusters as clusters_a
    on weak_edges.node_a = clusters_a.birth_order
inner join strong_clusters as clusters_b
    on weak_edges.node_b = clusters_b.birth_order
