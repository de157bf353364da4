{#- The cluster that shared identifiers, the CRM's merges and stewards make of each record. -#}
{{ config(materialized='nightly', key='birth_order', scope='int_identity__region') }}

with

strong_clusters as (
    select * from {{ ref('int_identity__strong_clusters') }}
),

weak_components as (
    select * from {{ ref('int_identity__weak_components') }}
),

records as (
    select * from {{ ref('int_identity__records') }}
    where {{ is_in_region('birth_order') }}
)

select
    records.record_id,
    strong_clusters.birth_order,
    strong_clusters.cluster as strong_cluster_id,
    coalesce(weak_components.component, strong_clusters.cluster) as cluster_id
from strong_clusters
inner join records
    on strong_clusters.birth_order = records.birth_order
left join weak_components
    on strong_clusters.cluster = weak_components.node
