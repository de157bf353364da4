{#- A running sum of points * 2^(t / half-life) overflows a double after about 1000 half-lives, so time is cut into blocks of this many. -#}
{% macro half_lives_per_block() -%}
    500
{%- endmacro %}
