{#- What exact and probable links make of each record of the night, before devices add what nobody else speaks for. -#}
with

cluster_records as (
    select * from {{ ref('int_identity__cluster_records') }}
    where {{ is_in_person_region('birth_order') }}
),

probable_components as (
    select * from {{ ref('int_identity__probable_components') }}
)

select
    cluster_records.birth_order,
    cluster_records.record_id,
    cluster_records.strong_cluster_id,
    cluster_records.cluster_id,
    coalesce(probable_components.component, cluster_records.cluster_id) as person_cluster,
    probable_components.component is not null as has_probable_link
from cluster_records
left join probable_components
    on cluster_records.cluster_id = probable_components.node
