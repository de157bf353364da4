{#- An aggregate: key -> value of the group's rows; keys in ascending order, so that equal content is equal text. -#}
{% macro map_of(key, value) -%}
    {{ adapter.dispatch('map_of', 'leadrelay')(key, value) }}
{%- endmacro %}

{% macro default__map_of(key, value) -%}
    map(list({{ key }} order by {{ key }}), list({{ value }} order by {{ key }}))
{%- endmacro %}
