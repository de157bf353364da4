{% macro regexp_matches(text, pattern) -%}
    {{ adapter.dispatch('regexp_matches', 'leadrelay')(text, pattern) }}
{%- endmacro %}

{% macro default__regexp_matches(text, pattern) -%}
    regexp_matches({{ text }}, {{ pattern }})
{%- endmacro %}
