{#- Fails with a domain that is called the same as one that is itself called the same as another: write the last one. -#}
{% test no_chained_domains(model) %}

select
    nearer.domain,
    nearer.of_domain,
    further.of_domain as write_instead
from {{ model }} as nearer
inner join {{ model }} as further
    on nearer.of_domain = further.domain
where further.relation = 'same'

{% endtest %}
