{% macro percentile(column, share) -%}
    {{ adapter.dispatch('percentile', 'leadrelay')(column, share) }}
{%- endmacro %}

{% macro default__percentile(column, share) -%}
    quantile_cont({{ column }}, {{ share }})
{%- endmacro %}
