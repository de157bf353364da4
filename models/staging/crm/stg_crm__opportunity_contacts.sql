with

latest as (
    {{ latest_versions(source('crm', 'opportunity_contacts')) }}
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
    opportunity_id,
    contact_id,
    role,
    is_primary,
    added_at
from latest
