{#- Aggregate: the value of the row that is first by some columns, none of them null. -#}
{% macro first_by(value, columns) -%}
    {{ adapter.dispatch('first_by', 'leadrelay')(value, columns) }}
{%- endmacro %}

{% macro default__first_by(value, columns) -%}
    min_by({{ value }}, row({{ columns | join(', ') }}))
{%- endmacro %}

{% macro spark__first_by(value, columns) -%}
    min_by({{ value }}, struct({{ columns | join(', ') }}))
{%- endmacro %}
