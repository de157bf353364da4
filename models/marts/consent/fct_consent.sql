with

consent_events as (
    select * from {{ ref('int_consent__events') }}
)

select
    consent_id,
    person_id,
    identifier_type,
    identifier_value,
    channel,
    purpose,
    effect,
    reason,
    method,
    is_explicit,
    country_code,
    occurred_at,
    source_table,
    record_id
from consent_events
