with

person_identifiers as (
    select * from {{ ref('int_identity__person_identifiers') }}
)

select
    person_id,
    identifier_type,
    identifier_value,
    guard_reason,
    record_count,
    is_usable,
    is_corporate_email,
    is_mobile,
    first_seen_at,
    last_seen_at
from person_identifiers
