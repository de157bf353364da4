{% macro exp2(exponent) -%}
    {{ adapter.dispatch('exp2', 'leadrelay')(exponent) }}
{%- endmacro %}

{% macro default__exp2(exponent) -%}
    pow(2.0, {{ exponent }})
{%- endmacro %}
