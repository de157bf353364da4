{#- The cluster that strong links make of each record of the region, named by its first record. -#}
with

records as (
    select * from {{ ref('int_identity__records') }}
    where {{ is_in_region('birth_order') }}
),

strong_components as (
    select * from {{ ref('int_identity__strong_components') }}
)

select
    records.birth_order,
    coalesce(strong_components.component, records.birth_order) as cluster
from records
left join strong_components
    on records.birth_order = strong_components.node
