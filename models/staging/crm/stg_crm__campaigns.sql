with

latest as (
    {{ latest_versions(source('crm', 'campaigns')) }}
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
    campaign_id,
    name,
    channel,
    parent_campaign_id,
    starts_on,
    ends_on,
    budget_amount,
    currency
from latest
