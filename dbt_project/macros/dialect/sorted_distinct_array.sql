{% macro sorted_distinct_array(column) -%}
    {{ adapter.dispatch('sorted_distinct_array', 'leadrelay')(column) }}
{%- endmacro %}

{% macro default__sorted_distinct_array(column) -%}
    list_sort(coalesce(array_agg(distinct {{ column }}) filter (where {{ column }} is not null), []))
{%- endmacro %}
