{#- The scores, one row per comparison: what was compared, how alike it was, how many bits that says. A view: it would double what the
    scores hold, and who reads it wants a few pairs. -#}
{{ config(materialized='view') }}
-- depends_on: {{ ref('link_levels') }}
{%- set comparisons = link_comparisons(link_levels()) %}
with

link_scores as (
    select * from {{ ref('int_identity__link_scores') }}
),

link_levels as (
    select * from {{ ref('link_levels') }}
),

unpivoted as (
    {%- for comparison in comparisons %}
        select
            cluster_a,
            cluster_b,
            '{{ comparison['name'] }}' as comparison,
            level_{{ comparison['name'] }} as level,
            weight_{{ comparison['name'] }} as weight
        from link_scores
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
)

select
    unpivoted.cluster_a,
    unpivoted.cluster_b,
    unpivoted.comparison,
    link_levels.comparison_number,
    link_levels.evidence,
    unpivoted.level,
    link_levels.label,
    unpivoted.weight
from unpivoted
inner join link_levels
    on unpivoted.comparison = link_levels.comparison
        and unpivoted.level = link_levels.level
