{{ config(materialized='view') }}

with

strong_edges as (
    select * from {{ ref('int_identity__strong_edges') }}
),

weak_edges as (
    select * from {{ ref('int_identity__weak_edges') }}
),

probable_links as (
    select * from {{ ref('int_identity__probable_links') }}
),

records as (
    select * from {{ ref('int_identity__records') }}
),

identifier_guards as (
    select * from {{ ref('int_identity__identifier_guards') }}
),

loads as (
    select
        load_sequence,
        min(load_id) as load_id
    from {{ source('ops', 'loads') }}
    group by load_sequence
),

identifier_rules as (
    select * from {{ ref('identifier_rules') }}
),

least_trusted as (
    select max(trust_rank) + 1 as trust_rank
    from identifier_rules
),

all_edges as (
    select
        node_a,
        node_b,
        link_rule,
        link_key,
        link_value,
        trust_rank,
        load_sequence,
        cast(null as double) as match_weight
    from strong_edges
    union all
    select
        node_a,
        node_b,
        link_rule,
        link_key,
        cast(null as varchar) as link_value,
        trust_rank,
        cast(null as bigint) as load_sequence,
        cast(null as double) as match_weight
    from weak_edges
    union all
    select
        probable_links.cluster_a as node_a,
        probable_links.cluster_b as node_b,
        'probable' as link_rule,
        cast(null as bigint) as link_key,
        cast(null as varchar) as link_value,
        least_trusted.trust_rank,
        cast(null as bigint) as load_sequence,
        probable_links.match_weight
    from probable_links
    cross join least_trusted
)

select
    records_a.record_id as record_id_a,
    records_b.record_id as record_id_b,
    all_edges.link_rule,
    coalesce(all_edges.link_value, identifier_guards.identifier_value) as link_value,
    loads.load_id,
    all_edges.trust_rank,
    all_edges.load_sequence,
    all_edges.match_weight
from all_edges
inner join records as records_a
    on all_edges.node_a = records_a.birth_order
inner join records as records_b
    on all_edges.node_b = records_b.birth_order
left join identifier_guards
    on all_edges.link_key = identifier_guards.identifier_key
left join loads
    on all_edges.load_sequence = loads.load_sequence
