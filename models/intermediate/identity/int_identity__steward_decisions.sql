with

identity_overrides as (
    select * from {{ ref('identity_overrides') }}
),

trimmed as (
    select
        {{ blank_to_null('decision') }} as decision,
        {{ blank_to_null('left_type') }} as left_type,
        {{ blank_to_null('left_value') }} as left_value,
        {{ blank_to_null('right_type') }} as right_type,
        {{ blank_to_null('right_value') }} as right_value,
        {{ blank_to_null('decided_by') }} as decided_by,
        {{ blank_to_null('reason') }} as reason,
        cast(decided_at as timestamp) as decided_at
    from identity_overrides
)

-- the same decision twice counts from the first time on
select
    {{ md5_text(['decision', 'left_type', 'left_value', 'right_type', 'right_value']) }} as decision_id,
    decision,
    left_type,
    left_value,
    right_type,
    right_value,
    decided_by,
    reason,
    coalesce(decided_at <= {{ as_of() }}, false) as is_effective,
    decided_at
from trimmed
qualify row_number() over (
        partition by decision, left_type, left_value, right_type, right_value
        order by decided_at asc nulls last, decided_by asc, reason asc
    ) = 1
