with

weak_groups as (
    select * from {{ ref('int_identity__weak_groups') }}
),

records as (
    select * from {{ ref('int_identity__records') }}
),

identifier_rules as (
    select * from {{ ref('identifier_rules') }}
),

members as (
    select
        weak_groups.identifier_type,
        weak_groups.identifier_value,
        weak_groups.name_group,
        weak_groups.record_id,
        row_number() over (
            partition by weak_groups.identifier_type, weak_groups.identifier_value, weak_groups.name_group
            order by records.birth_order
        ) as seat
    from weak_groups
    inner join records
        on weak_groups.record_id = records.record_id
    where weak_groups.name_group is not null
),

heads as (
    select * from members
    where seat = 1
)

select
    members.record_id as node_a,
    heads.record_id as node_b,
    identifier_rules.trust_rank,
    members.identifier_type as link_rule,
    members.identifier_value as link_value
from members
inner join heads
    on members.identifier_type = heads.identifier_type
        and members.identifier_value = heads.identifier_value
        and members.name_group = heads.name_group
inner join identifier_rules
    on members.identifier_type = identifier_rules.identifier_type
where members.seat > 1
