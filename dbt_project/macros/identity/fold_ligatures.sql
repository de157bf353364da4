{#- Letters that stand for two, in lower case text. -#}
{% macro fold_ligatures(text) -%}
    replace(replace(replace({{ text }}, 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe')
{%- endmacro %}
