{#- Mueller is Müller: once accents are gone, ae, oe and ue stand for a, o and u. For comparing only; Michael becomes Michal. -#}
{% macro fold_vowel_pairs(text) -%}
    replace(replace(replace({{ text }}, 'ae', 'a'), 'oe', 'o'), 'ue', 'u')
{%- endmacro %}
