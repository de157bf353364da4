-- depends_on: {{ ref('int_identity__cluster_values') }}
{{ config(materialized='components', unique_values='int_identity__cluster_values') }}

{#- Clusters that probable links join. All links have one rank: their weight is evidence for a steward, not an order of trust. -#}
with

probable_links as (
    select * from {{ ref('int_identity__probable_links') }}
    where {{ is_in_person_region('cluster_a') }}
)

select
    cluster_a as node_a,
    cluster_b as node_b,
    1 as trust_rank
from probable_links
