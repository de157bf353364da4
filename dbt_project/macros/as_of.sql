{#- The moment the night looks back from, in UTC: the only clock of the models. The nightly writes it before dbt starts. -#}
{% macro as_of() -%}
    (select ops_as_of.as_of from {{ source('ops', 'as_of') }} as ops_as_of)
{%- endmacro %}
