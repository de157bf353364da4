with

link_blocks as (
    select * from {{ ref('int_identity__link_blocks') }}
)

select
    rule_number,
    block_key,
    profile_count
from link_blocks
where is_hot
