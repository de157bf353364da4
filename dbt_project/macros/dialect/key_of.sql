{#- A 64-bit integer that stands for a text: half of its md5. Joins on it are cheaper than joins on the text. That two texts never
    share one is tested wherever it is a key (among ten million the odds are 1 in 370,000). -#}
{% macro key_of(text) -%}
    {{ adapter.dispatch('key_of', 'leadrelay')(text) }}
{%- endmacro %}

{% macro default__key_of(text) -%}
    cast(md5_number({{ text }}) >> 65 as bigint)
{%- endmacro %}

{% macro spark__key_of(text) -%}
    cast(conv(substring(md5({{ text }}), 17, 16), 16, 10) / 2 as bigint)
{%- endmacro %}
