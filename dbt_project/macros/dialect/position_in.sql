{#- Where a word stands in a text of words with | between them, from 1; 0 when it does not. For ordering alone: it counts characters. -#}
{% macro position_in(word, words) -%}
    {{ adapter.dispatch('position_in', 'leadrelay')(word, words) }}
{%- endmacro %}

{% macro default__position_in(word, words) -%}
    strpos('|' || {{ words }} || '|', '|' || {{ word }} || '|')
{%- endmacro %}
