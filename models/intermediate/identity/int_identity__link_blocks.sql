{#- Keys that too many profiles share, tonight or the last time. A rebuild has none of the second kind. -#}
{%- set before = identity_relation('int_identity__link_hot_blocks') if is_delta() else none %}
with

link_keys as (
    select * from {{ ref('int_identity__link_keys') }}
),

hot_now as (
    select
        rule_number,
        block_key,
        count(*) as profile_count
    from link_keys
    group by rule_number, block_key
    having count(*) > {{ link_threshold('max_block_profiles') }}
),

hot_before as (
    {% if before is not none -%}
        select
            rule_number,
            block_key
        from {{ before }}
    {%- else -%}
        select
            rule_number,
            block_key
        from hot_now
    {%- endif %}
)

select
    coalesce(hot_now.rule_number, hot_before.rule_number) as rule_number,
    coalesce(hot_now.block_key, hot_before.block_key) as block_key,
    hot_now.profile_count,
    hot_now.rule_number is not null as is_hot,
    hot_before.rule_number is not null as was_hot
from hot_now
full outer join hot_before
    on hot_now.rule_number = hot_before.rule_number
        and hot_now.block_key = hot_before.block_key
