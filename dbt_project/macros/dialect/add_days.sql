{% macro add_days(moment, days) -%}
    {{ adapter.dispatch('add_days', 'leadrelay')(moment, days) }}
{%- endmacro %}

{% macro default__add_days(moment, days) -%}
    ({{ moment }} + to_microseconds(cast(round({{ days }} * 86400000000) as bigint)))
{%- endmacro %}
