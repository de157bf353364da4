with

latest as (
    {{ latest_versions(source('crm', 'status_history')) }}
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
    object_type,
    object_id,
    field,
    old_value,
    new_value,
    changed_at,
    changed_by,
    reason
from latest
