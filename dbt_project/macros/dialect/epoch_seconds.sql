{% macro epoch_seconds(moment) -%}
    {{ adapter.dispatch('epoch_seconds', 'leadrelay')(moment) }}
{%- endmacro %}

{% macro default__epoch_seconds(moment) -%}
    epoch({{ moment }})
{%- endmacro %}
