{#- md5 over several expressions as one canonical text: parts joined by '|', null as the empty text. -#}
{% macro md5_text(expressions) -%}
    md5(
        {%- for expression in expressions %}
        coalesce(cast({{ expression }} as varchar), '')
        {%- if not loop.last %} || '|' || {% endif %}
        {%- endfor %}
    )
{%- endmacro %}
