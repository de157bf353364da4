{% macro json_text(json, key) -%}
    {{ adapter.dispatch('json_text', 'leadrelay')(json, key) }}
{%- endmacro %}

{% macro default__json_text(json, key) -%}
    json_extract_string({{ json }}, '$."{{ key }}"')
{%- endmacro %}
