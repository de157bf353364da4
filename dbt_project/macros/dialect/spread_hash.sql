{#- A number that spreads integers at random, another spread for every round.
    It decides nothing that is stored: results are the same whatever the engine's hash is. -#}
{% macro spread_hash(number, round) -%}
    {{ adapter.dispatch('spread_hash', 'leadrelay')(number, round) }}
{%- endmacro %}

{% macro default__spread_hash(number, round) -%}
    hash({{ number }}, {{ round }})
{%- endmacro %}

{% macro spark__spread_hash(number, round) -%}
    xxhash64({{ number }}, {{ round }})
{%- endmacro %}
