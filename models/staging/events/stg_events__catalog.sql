with

latest as (
    {{ latest_versions(source('events', 'catalog')) }}
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
    event_id,
    name,
    event_type,
    starts_at,
    ends_at,
    city,
    campaign_id
from latest
