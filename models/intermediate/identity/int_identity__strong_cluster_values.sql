with

exclusive_values as (
    select * from {{ ref('int_identity__exclusive_values') }}
),

strong_clusters as (
    select * from {{ ref('int_identity__strong_clusters') }}
)

select distinct
    strong_clusters.cluster as node,
    exclusive_values.namespace,
    exclusive_values.value
from exclusive_values
inner join strong_clusters
    on exclusive_values.node = strong_clusters.birth_order
