{#- Fails with every row of the model: a model that lists what must not be. -#}
{% test no_rows(model) %}

select * from {{ model }}

{% endtest %}
