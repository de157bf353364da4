with

link_keys as (
    select * from {{ ref('int_identity__link_keys') }}
),

link_hot_blocks as (
    select * from {{ ref('int_identity__link_hot_blocks') }}
),

link_touched as (
    select * from {{ ref('int_identity__link_touched') }}
),

usable_keys as (
    select link_keys.*
    from link_keys
    left join link_hot_blocks
        on link_keys.rule_number = link_hot_blocks.rule_number
            and link_keys.block_key = link_hot_blocks.block_key
    where link_hot_blocks.rule_number is null
),

-- one side of every pair; on a delta night the touched one
first_sides as (
    select usable_keys.*
    from usable_keys
    {%- if night_is_delta() %}
        inner join link_touched
            on usable_keys.cluster_id = link_touched.cluster_id
    {%- endif %}
),

pairs as (
    select
        least(first_sides.cluster_id, usable_keys.cluster_id) as cluster_a,
        greatest(first_sides.cluster_id, usable_keys.cluster_id) as cluster_b,
        first_sides.rule_number
    from first_sides
    inner join usable_keys
        on first_sides.rule_number = usable_keys.rule_number
            and first_sides.block_key = usable_keys.block_key
            and first_sides.cluster_id {{ '<>' if night_is_delta() else '<' }} usable_keys.cluster_id
)

select
    cluster_a,
    cluster_b,
    min(rule_number) as rule_number
from pairs
group by cluster_a, cluster_b
