with

strong_edges as (
    select * from {{ ref('int_identity__strong_edges') }}
),

weak_edges as (
    select * from {{ ref('int_identity__weak_edges') }}
)

select
    node_a as record_id_a,
    node_b as record_id_b,
    link_rule,
    link_value,
    load_id,
    trust_rank,
    load_sequence,
    cast(null as double) as match_weight
from strong_edges
union all
select
    node_a as record_id_a,
    node_b as record_id_b,
    link_rule,
    link_value,
    cast(null as varchar) as load_id,
    trust_rank,
    cast(null as bigint) as load_sequence,
    cast(null as double) as match_weight
from weak_edges
