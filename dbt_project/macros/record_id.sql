{#- The id of a raw row by its key; the loader writes the same text into raw.*._record_id.
    source_table: 'crm.leads'; the other two are SQL expressions. -#}
{% macro record_id(source_table, source_system_expression, record_key_expression) -%}
    md5({{ source_system_expression }} || '|{{ source_table }}|' || {{ record_key_expression }})
{%- endmacro %}
