{#- A struct (number, national, extension, is_mobile) of the phone number in a text; null when the number is in no plan.
    Slow, 50,000 texts a second: only for distinct values that SQL cannot prove. -#}
{% macro parse_phone(text, country_code) -%}
    {{ adapter.dispatch('parse_phone', 'leadrelay')(text, country_code) }}
{%- endmacro %}

{% macro default__parse_phone(text, country_code) -%}
    parse_phone({{ text }}, {{ country_code }})
{%- endmacro %}
