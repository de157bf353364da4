with

latest as (
    {{ latest_versions(source('webinars', 'catalog')) }}
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
    webinar_id,
    name,
    starts_at,
    ends_at,
    topic,
    campaign_id
from latest
