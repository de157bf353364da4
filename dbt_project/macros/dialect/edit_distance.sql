{#- Letters to insert, drop, replace or swap with their neighbour, to make one word out of another. -#}
{% macro edit_distance(left_word, right_word) -%}
    {{ adapter.dispatch('edit_distance', 'leadrelay')(left_word, right_word) }}
{%- endmacro %}

{% macro default__edit_distance(left_word, right_word) -%}
    damerau_levenshtein({{ left_word }}, {{ right_word }})
{%- endmacro %}

{#- Spark counts two neighbours that changed places as two letters. -#}
{% macro spark__edit_distance(left_word, right_word) -%}
    levenshtein({{ left_word }}, {{ right_word }})
{%- endmacro %}
