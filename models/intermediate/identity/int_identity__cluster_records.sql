with

records as (
    select * from {{ ref('int_identity__records') }}
),

components as (
    select * from {{ ref('int_identity__components') }}
),

clusters as (
    select
        records.record_id,
        records.birth_order,
        coalesce(components.component_id, records.record_id) as cluster_name
    from records
    left join components
        on records.record_id = components.node_id
)

select
    record_id,
    birth_order,
    min(birth_order) over (partition by cluster_name) as cluster_id
from clusters
