with

latest as (
    {{ latest_versions(source('engagement', 'content')) }}
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
    content_id,
    title,
    content_type,
    topic,
    purpose,
    case_type,
    product_id,
    persona,
    journey_stage,
    url
from latest
