{#- The sides of what stewards have decided up to tonight. -#}
with

steward_decisions as (
    select * from {{ ref('int_identity__steward_decisions') }}
    where is_effective
)

select
    decision_id,
    decision,
    'left' as side,
    left_type as identifier_type,
    left_value as identifier_value,
    {{ key_of("left_type || '|' || left_value") }} as identifier_key,
    decided_by
from steward_decisions
union all
select
    decision_id,
    decision,
    'right' as side,
    right_type as identifier_type,
    right_value as identifier_value,
    {{ key_of("right_type || '|' || right_value") }} as identifier_key,
    decided_by
from steward_decisions
where decision <> 'block_identifier'
