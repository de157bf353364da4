{#- A table expression of the integers 1 to last, in column position. -#}
{% macro integers_to(last) -%}
    {{ adapter.dispatch('integers_to', 'leadrelay')(last) }}
{%- endmacro %}

{% macro default__integers_to(last) -%}
    (select cast(range as integer) as position from range(1, {{ last }} + 1))
{%- endmacro %}
