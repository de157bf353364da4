with

latest as (
    {{ latest_versions(source('crm', 'merges')) }}
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
    loser_id,
    winner_id,
    merged_at
from latest
