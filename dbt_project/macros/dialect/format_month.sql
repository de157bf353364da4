{% macro format_month(moment) -%}
    {{ adapter.dispatch('format_month', 'leadrelay')(moment) }}
{%- endmacro %}

{% macro default__format_month(moment) -%}
    strftime({{ moment }}, '%Y-%m')
{%- endmacro %}
