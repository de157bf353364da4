{#- Under which keys a profile is looked for, one branch per blocking rule of the model. -#}
{{ config(materialized='nightly', key='cluster_id', scope='int_identity__link_changes') }}
-- depends_on: {{ ref('link_blocking_rules') }}, {{ ref('int_identity__link_changes') }}
{%- set rules = link_blocking_rules() %}
with

link_profiles as (
    select * from {{ ref('int_identity__link_profiles') }}
    {%- if is_delta() %}
        where cluster_id in (select changes.cluster_id from {{ ref('int_identity__link_changes') }} as changes)
    {%- endif %}
),

keys as (
    {%- for rule in rules %}
        select
            cluster_id,
            {{ rule['rule_number'] }} as rule_number,
            cast({{ rule['key_expression'] }} as varchar) as block_key
        from link_profiles
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
)

select
    cluster_id,
    cast(rule_number as integer) as rule_number,
    block_key
from keys
where block_key is not null
    and {{ 'true' if probable_links_are_on() else 'false' }}
