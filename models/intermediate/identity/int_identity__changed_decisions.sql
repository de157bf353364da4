{#- Sides of stewards' decisions that were not followed last night, or no longer are tonight. -#}
with

decisions as (
    select * from {{ ref('int_identity__decisions') }}
)

{%- set before = identity_relation('int_identity__night_decisions') if execute else none %}
{%- if night_is_delta() and before is not none %},

decided_before as (
    select * from {{ before }}
)

select
    coalesce(decisions.identifier_type, decided_before.identifier_type) as identifier_type,
    coalesce(decisions.identifier_value, decided_before.identifier_value) as identifier_value,
    coalesce(decisions.identifier_key, decided_before.identifier_key) as identifier_key
from decisions
full join decided_before
    on decisions.decision_id = decided_before.decision_id
        and decisions.side = decided_before.side
where decisions.decision_id is null
    or decided_before.decision_id is null
{%- else %}

select
    identifier_type,
    identifier_value,
    identifier_key
from decisions
where false
{%- endif %}
