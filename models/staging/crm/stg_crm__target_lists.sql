with

latest as (
    {{ latest_versions(source('crm', 'target_lists')) }}
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
    list_name,
    account_id,
    valid_from,
    valid_to
from latest
