with

latest as (
    {{ latest_versions(source('crm', 'accounts')) }}
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
    account_id,
    name,
    website,
    industry,
    employees,
    country,
    region,
    annual_revenue,
    parent_account_id
from latest
