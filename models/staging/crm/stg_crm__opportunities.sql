with

latest as (
    {{ latest_versions(source('crm', 'opportunities'), version_column='updated_at') }}
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
    account_id,
    contact_id,
    created_at,
    updated_at,
    type,
    stage,
    amount,
    currency,
    expected_close_on,
    closed_at,
    is_won,
    lost_reason,
    competitor,
    has_budget,
    has_need,
    has_process,
    is_tender_invited,
    product_id,
    campaign_id,
    owner_id,
    is_deleted
from latest
