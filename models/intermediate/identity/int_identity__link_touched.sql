{#- Clusters whose pairs are looked for again: those whose profile changed, and those in a block that became too large or small enough. -#}
with

link_keys as (
    select * from {{ ref('int_identity__link_keys') }}
),

link_changes as (
    select * from {{ ref('int_identity__link_changes') }}
),

link_blocks as (
    select * from {{ ref('int_identity__link_blocks') }}
)

select cluster_id from link_changes
union
select link_keys.cluster_id
from link_keys
inner join link_blocks
    on link_keys.rule_number = link_blocks.rule_number
        and link_keys.block_key = link_blocks.block_key
where link_blocks.is_hot <> link_blocks.was_hot
