with

latest as (
    {{ latest_versions(source('crm', 'activities')) }}
)

select
    record_id,
    record_key,
    source_system,
    is_date_only,
    arrived_at,
    first_arrived_at,
    load_sequence,
    version_count,
    activity_id,
    object_id,
    type,
    direction,
    occurred_at,
    outcome,
    owner_id,
    duration_seconds,
    is_deleted
from latest
