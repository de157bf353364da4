{#- How often a whole number goes into another. -#}
{% macro whole_part(dividend, divisor) -%}
    {{ adapter.dispatch('whole_part', 'leadrelay')(dividend, divisor) }}
{%- endmacro %}

{% macro default__whole_part(dividend, divisor) -%}
    (({{ dividend }}) // {{ divisor }})
{%- endmacro %}

{% macro spark__whole_part(dividend, divisor) -%}
    (({{ dividend }}) div {{ divisor }})
{%- endmacro %}
