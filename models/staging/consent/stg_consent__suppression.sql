with

latest as (
    {{ latest_versions(source('consent', 'suppression')) }}
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
    identifier_type,
    identifier,
    channel,
    list,
    valid_from,
    valid_to,
    reason,
    source
from latest
