{#-
    The trained model of probable links, as the models that score read it.

    `leadrelay identity train` writes it as seeds: int_identity__link_* ask the seeds for their rows when they are compiled, so a new
    model is a new folder of CSV files and no line of SQL changes. Where nothing can be asked (parsing, linting, switched off) a small
    model stands in, so that the statement keeps its shape.
-#}
{% macro probable_links_are_on() %}
    {{ return(var('identity_probable_links', true) | string | lower not in ['false', 'no', '0', 'off']) }}
{% endmacro %}


{#- One row per comparison and level, the trained weights with it; the prior is comparison number 0. -#}
{% macro link_levels() %}
    {% if not execute or not probable_links_are_on() %}
        {{ return([
            {
                'comparison_number': 0, 'comparison': 'prior', 'evidence': 'prior', 'level': 0, 'label': 'prior', 'sql_condition': 'else',
                'match_weight': -20.0, 'term_column': none, 'input_columns': none, 'model_version': 'none'
            },
            {
                'comparison_number': 1, 'comparison': 'name', 'evidence': 'name', 'level': 1, 'label': 'same',
                'sql_condition': 'name_key_l = name_key_r', 'match_weight': 1.0, 'input_columns': 'name_key', 'model_version': 'none',
                'term_column': 'name_key', 'term_weight': 1.0, 'term_base_weight': 0.0, 'term_minimum': 1.0, 'term_floor': 1.0
            },
            {
                'comparison_number': 1, 'comparison': 'name', 'evidence': 'name', 'level': 0, 'label': 'other', 'sql_condition': 'else',
                'match_weight': -1.0, 'term_column': none, 'input_columns': none, 'model_version': 'none'
            },
        ]) }}
    {% endif %}
    {{ return(seed_rows('link_levels', 'comparison_number, level_number')) }}
{% endmacro %}


{% macro link_blocking_rules() %}
    {% if not execute or not probable_links_are_on() %}
        {{ return([{'rule_number': 1, 'rule_name': 'name', 'key_expression': 'name_key'}]) }}
    {% endif %}
    {{ return(seed_rows('link_blocking_rules', 'rule_number')) }}
{% endmacro %}


{#- Rows of a seed as dictionaries, in the order given. -#}
{% macro seed_rows(seed, order_by) %}
    {% set found = run_query('select * from ' ~ ref(seed) ~ ' order by ' ~ order_by) %}
    {% set rows = [] %}
    {% for row in found.rows %}
        {% do rows.append(row.dict()) %}
    {% endfor %}
    {% if not rows %}
        {{ exceptions.raise_compiler_error(
            'the seed ' ~ seed ~ ' has no rows: the model of probable links is not complete. Write it again with `leadrelay identity train`,'
            ~ ' or switch probable links off (var identity_probable_links: false)'
        ) }}
    {% endif %}
    {{ return(rows) }}
{% endmacro %}


{#- The comparisons of the model in order, each with its levels in the model's order. -#}
{% macro link_comparisons(levels) %}
    {% set comparisons = [] %}
    {% for level in levels if level['comparison_number'] | int > 0 %}
        {% if not comparisons or comparisons[-1]['name'] != level['comparison'] %}
            {% do comparisons.append({'name': level['comparison'], 'evidence': level['evidence'], 'levels': []}) %}
        {% endif %}
        {% do comparisons[-1]['levels'].append(level) %}
    {% endfor %}
    {{ return(comparisons) }}
{% endmacro %}


{#- Profile columns that any condition reads, in alphabetical order. -#}
{% macro link_input_columns(levels) %}
    {% set columns = [] %}
    {% for level in levels %}
        {% for column in (level['input_columns'] or '').split(' ') if column and column not in columns %}
            {% do columns.append(column) %}
        {% endfor %}
    {% endfor %}
    {{ return(columns | sort) }}
{% endmacro %}


{% macro link_term_columns(levels) %}
    {% set columns = [] %}
    {% for level in levels if level['term_column'] and level['term_column'] not in columns %}
        {% do columns.append(level['term_column']) %}
    {% endfor %}
    {{ return(columns | sort) }}
{% endmacro %}


{#- A number of the model as SQL: a double whose every digit counts. -#}
{% macro link_number(number) -%}
    cast({{ number }} as double)
{%- endmacro %}


{#- Which level two profiles are at: the first one that holds, in the model's own order, as Splink asks. -#}
{% macro link_level_case(comparison) -%}
    case
        {%- for level in comparison['levels'] if level['sql_condition'] | lower != 'else' %}
        when {{ level['sql_condition'] }} then {{ level['level'] }}
        {%- endfor %}
        else 0
    end
{%- endmacro %}


{#- Bits of evidence of a level: its weight, and what the rarity of the shared term adds. -#}
{% macro link_weight_case(comparison) -%}
    case level_{{ comparison['name'] }}
        {%- for level in comparison['levels'] %}
        when {{ level['level'] }} then {{ link_number(level['match_weight']) }}
            {%- if level['term_column'] %}
            + coalesce({{ link_number(level['term_weight']) }} * (
                {{ link_number(level['term_base_weight']) }}
                - ln(greatest(term_{{ level['term_column'] }}, {{ link_number(level['term_minimum']) }})) / ln(2.0)
            ), 0.0)
            {%- endif %}
        {%- endfor %}
        else 0.0
    end
{%- endmacro %}


{#- A threshold of the seed link_thresholds, as a scalar. -#}
{% macro link_threshold(name) -%}
    (select thresholds.value from {{ ref('link_thresholds') }} as thresholds where thresholds.threshold = '{{ name }}')
{%- endmacro %}


{#- The frequency of a term that is not listed. -#}
{% macro link_term_floor(levels, column) -%}
    {%- for level in levels if level['term_column'] == column -%}
        {%- if loop.first %}{{ link_number(level['term_floor']) }}{% endif -%}
    {%- endfor -%}
{%- endmacro %}


{#- The probability that bits of evidence stand for; two to a high power would not fit a double, so the power is never positive. -#}
{% macro link_probability(weight) -%}
    case
        when {{ weight }} >= 0 then 1.0 / (1.0 + {{ exp2('-' ~ weight) }})
        else {{ exp2(weight) }} / (1.0 + {{ exp2(weight) }})
    end
{%- endmacro %}


{#- Attributes of a profile beside its name; each is chosen by itself. -#}
{% macro link_profile_attributes() %}
    {{ return([
        'company_key', 'job_title', 'city', 'region', 'country', 'postal_code', 'email', 'phone', 'birth_date'
    ]) }}
{% endmacro %}


{#- One comparison in words: 'company: same (+6.1)'. -#}
{% macro link_reason() -%}
    comparison || ': ' || label || ' ('
    || case when weight >= 0 then '+' else '' end || cast(cast(weight as decimal(9, 1)) as varchar) || ')'
{%- endmacro %}
