with

latest as (
    {{ latest_versions(source('crm', 'orders')) }}
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
    order_id,
    account_id,
    contact_id,
    opportunity_id,
    kind,
    product_id,
    ordered_at,
    amount,
    currency,
    starts_on,
    ends_on,
    paid_amount,
    paid_at,
    is_deleted
from latest
