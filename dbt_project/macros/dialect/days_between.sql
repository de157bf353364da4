{% macro days_between(from_moment, to_moment) -%}
    {{ adapter.dispatch('days_between', 'leadrelay')(from_moment, to_moment) }}
{%- endmacro %}

{% macro default__days_between(from_moment, to_moment) -%}
    ((epoch({{ to_moment }}) - epoch({{ from_moment }})) / 86400.0)
{%- endmacro %}
