{#- Splink's scoring as one statement, rendered from the trained model: the level of each comparison, its bits, their sum. Levels and
    weights are columns named by the model's comparisons. A delta night takes out every pair with a touched side and puts it in anew. -#}
{{ config(
    materialized='nightly',
    key='pair_id',
    pre_hook="{% if is_delta() %} delete from {{ this }} where cluster_a in (select touched.cluster_id from {{ ref('int_identity__link_touched') }} as touched) or cluster_b in (select touched.cluster_id from {{ ref('int_identity__link_touched') }} as touched) {% endif %}"
) }}
-- depends_on: {{ ref('link_levels') }}, {{ ref('int_identity__link_touched') }}, {{ ref('int_identity__night') }}
{%- set levels = link_levels() %}
{%- set comparisons = link_comparisons(levels) %}
with

link_pairs as (
    select * from {{ ref('int_identity__link_pairs') }}
),

link_profiles as (
    select * from {{ ref('int_identity__link_profiles') }}
),

link_term_frequencies as (
    select * from {{ ref('link_term_frequencies') }}
),

sides as (
    select
        {%- for column in link_input_columns(levels) %}
            profile_a.{{ column }} as {{ column }}_l,
            profile_b.{{ column }} as {{ column }}_r,
        {%- endfor %}
        link_pairs.cluster_a,
        link_pairs.cluster_b,
        link_pairs.rule_number
    from link_pairs
    inner join link_profiles as profile_a
        on link_pairs.cluster_a = profile_a.cluster_id
    inner join link_profiles as profile_b
        on link_pairs.cluster_b = profile_b.cluster_id
),

compared as (
    select
        {%- for comparison in comparisons %}
            {{ link_level_case(comparison) }} as level_{{ comparison['name'] }},
        {%- endfor %}
        *
    from sides
),

-- how frequent the more frequent of the two terms is; a term that is not listed is as rare as the rarest listed one
with_terms as (
    select
        {%- for column in link_term_columns(levels) %}
            greatest(
                case when compared.{{ column }}_l is not null
                        then coalesce(term_{{ column }}_a.frequency, {{ link_term_floor(levels, column) }})
                end,
                case when compared.{{ column }}_r is not null
                        then coalesce(term_{{ column }}_b.frequency, {{ link_term_floor(levels, column) }})
                end
            ) as term_{{ column }},
        {%- endfor %}
        compared.*
    from compared
    {%- for column in link_term_columns(levels) %}
    left join link_term_frequencies as term_{{ column }}_a
        on term_{{ column }}_a.column_name = '{{ column }}'
            and compared.{{ column }}_l = term_{{ column }}_a.term
    left join link_term_frequencies as term_{{ column }}_b
        on term_{{ column }}_b.column_name = '{{ column }}'
            and compared.{{ column }}_r = term_{{ column }}_b.term
    {%- endfor %}
),

weighed as (
    select
        {%- for comparison in comparisons %}
            level_{{ comparison['name'] }},
            {{ link_weight_case(comparison) }} as weight_{{ comparison['name'] }},
        {%- endfor %}
        cluster_a,
        cluster_b,
        rule_number
    from with_terms
),

summed as (
    select
        weighed.*,
        {{ link_number(levels[0]['match_weight']) }}
        {%- for comparison in comparisons %} + weight_{{ comparison['name'] }}{% endfor %} as match_weight
    from weighed
),

scored as (
    select
        summed.*,
        {{ link_probability('match_weight') }} as match_probability
    from summed
)

select
    cluster_a || '-' || cluster_b as pair_id,
    cluster_a,
    cluster_b,
    rule_number,
    {%- for comparison in comparisons %}
        cast(level_{{ comparison['name'] }} as integer) as level_{{ comparison['name'] }},
        weight_{{ comparison['name'] }},
    {%- endfor %}
    match_weight,
    match_probability,
    '{{ levels[0]['model_version'] }}' as model_version
from scored
where match_probability >= {{ link_threshold('review_probability') }}
    and {{ 'true' if probable_links_are_on() else 'false' }}
