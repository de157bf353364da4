{{ config(materialized='nightly', key='node_a', scope_key='birth_order', scope='int_identity__region') }}

with

weak_groups as (
    select * from {{ ref('int_identity__weak_groups') }}
    where name_group is not null
        and {{ is_in_region('birth_order') }}
),

heads as (
    select
        identifier_key,
        name_group,
        min(birth_order) as birth_order
    from weak_groups
    group by identifier_key, name_group
)

select
    weak_groups.birth_order as node_a,
    heads.birth_order as node_b,
    weak_groups.trust_rank,
    weak_groups.identifier_type as link_rule,
    weak_groups.identifier_key as link_key
from weak_groups
inner join heads
    on weak_groups.identifier_key = heads.identifier_key
        and weak_groups.name_group = heads.name_group
where weak_groups.birth_order <> heads.birth_order
