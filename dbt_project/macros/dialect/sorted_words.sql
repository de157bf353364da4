{#- The words of a text, which stand one blank apart, in alphabetical order. -#}
{% macro sorted_words(text) -%}
    {{ adapter.dispatch('sorted_words', 'leadrelay')(text) }}
{%- endmacro %}

{% macro default__sorted_words(text) -%}
    array_to_string(list_sort(string_split({{ text }}, ' ')), ' ')
{%- endmacro %}

{% macro spark__sorted_words(text) -%}
    array_join(array_sort(split({{ text }}, ' ')), ' ')
{%- endmacro %}
