with

latest as (
    {{ latest_versions(source('finance', 'costs')) }}
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
    day,
    channel,
    campaign_id,
    cost_type,
    purpose,
    cost_amount,
    currency,
    impressions,
    clicks
from latest
