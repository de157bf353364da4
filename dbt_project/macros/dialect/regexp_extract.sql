{% macro regexp_extract(text, pattern, group=0) -%}
    {{ adapter.dispatch('regexp_extract', 'leadrelay')(text, pattern, group) }}
{%- endmacro %}

{% macro default__regexp_extract(text, pattern, group=0) -%}
    regexp_extract({{ text }}, {{ pattern }}, {{ group }})
{%- endmacro %}
