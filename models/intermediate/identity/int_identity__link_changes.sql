{#- Clusters that a delta night resolves again: their profiles are made anew and their pairs scored anew. A cluster's id is the birth order
    of one of its records, so the region's birth orders hold the ids of before as well as those of now. A full night lists none. -#}
with

region as (
    select * from {{ ref('int_identity__region') }}
),

changed_records as (
    select * from {{ ref('int_identity__changed_records') }}
),

cluster_records as (
    select * from {{ ref('int_identity__cluster_records') }}
)

select birth_order as cluster_id
from region
union
select cluster_records.cluster_id
from changed_records
inner join cluster_records
    on changed_records.birth_order = cluster_records.birth_order
