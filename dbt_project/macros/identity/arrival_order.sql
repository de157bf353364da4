{#- Load and birth order of a record as one number, so that the least of them is the first to have arrived.
    The factor leaves room for four billion records. -#}
{% macro arrival_order(load_sequence, birth_order) -%}
    ({{ load_sequence }} * 4294967296 + {{ birth_order }})
{%- endmacro %}


{% macro birth_order_of(arrival) -%}
    (({{ arrival }}) % 4294967296)
{%- endmacro %}


{% macro load_sequence_of(arrival) -%}
    {{ whole_part(arrival, 4294967296) }}
{%- endmacro %}
