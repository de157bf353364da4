{#- What stewards have decided up to tonight, one row per named side. -#}
with

identity_overrides as (
    select * from {{ ref('identity_overrides') }}
),

numbered as (
    select
        decision,
        left_type,
        left_value,
        right_type,
        right_value,
        min(decided_by) as decided_by,
        min(cast(decided_at as timestamp)) as decided_at
    from identity_overrides
    where cast(decided_at as timestamp) <= {{ as_of() }}
    group by decision, left_type, left_value, right_type, right_value
),

keyed as (
    select
        {{ md5_text(['decision', 'left_type', 'left_value', 'right_type', 'right_value']) }} as decision_id,
        *
    from numbered
)

select
    decision_id,
    decision,
    'left' as side,
    left_type as identifier_type,
    left_value as identifier_value,
    {{ key_of("left_type || '|' || left_value") }} as identifier_key,
    decided_by,
    decided_at
from keyed
union all
select
    decision_id,
    decision,
    'right' as side,
    right_type as identifier_type,
    right_value as identifier_value,
    {{ key_of("right_type || '|' || right_value") }} as identifier_key,
    decided_by,
    decided_at
from keyed
where decision <> 'block_identifier'
