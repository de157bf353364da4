{#- A mean that does not depend on the order of its rows; null without rows. -#}
{% macro exact_mean(expression) -%}
    cast({{ exact_sum(expression) }} as double) / nullif(count({{ expression }}), 0)
{%- endmacro %}


{#- The standard deviation of a sample, in the same way; null below two rows. -#}
{% macro exact_deviation(expression) -%}
    case
        when count({{ expression }}) > 1 then sqrt(greatest(
            (
                cast({{ exact_sum(expression ~ ' * ' ~ expression) }} as double)
                - cast({{ exact_sum(expression) }} as double) * ({{ exact_mean(expression) }})
            ) / (count({{ expression }}) - 1),
            0.0
        ))
    end
{%- endmacro %}
