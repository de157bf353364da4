{#- A sum that does not depend on the order of its rows, hence not on the number of threads: twelve decimals, added exactly.
    Gives a decimal; cast it to double where it leaves the warehouse. -#}
{% macro exact_sum(expression) -%}
    sum(cast({{ expression }} as decimal(28, 12)))
{%- endmacro %}
