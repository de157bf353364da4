{#- Texts of a group joined by a plain text, in the order given. `order_by` must tell the rows apart. -#}
{% macro text_agg(expression, separator, order_by) -%}
    {{ adapter.dispatch('text_agg', 'leadrelay')(expression, "'" ~ separator ~ "'", order_by) }}
{%- endmacro %}

{% macro default__text_agg(expression, separator, order_by) -%}
    string_agg({{ expression }}, {{ separator }} order by {{ order_by }})
{%- endmacro %}
