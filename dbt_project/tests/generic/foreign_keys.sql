{#- Fails with the values of a column that the table which it references does not have; null and blanks reference nothing.
    keys: one {column, to, field} each, and besides: words that stand for no row. -#}
{% test foreign_keys(model, keys) %}

{%- for key in keys %}
select
    '{{ key.column }}' as key_column,
    held.{{ key.column }} as unknown_value,
    count(*) as row_count
from {{ model }} as held
left join {{ key.to }} as known
    on held.{{ key.column }} = known.{{ key.field }}
where
    {{ blank_to_null('held.' ~ key.column) }} is not null
    and known.{{ key.field }} is null
    {%- for word in key.besides | default([]) %}
    and held.{{ key.column }} <> '{{ word }}'
    {%- endfor %}
group by held.{{ key.column }}
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}

{% endtest %}
