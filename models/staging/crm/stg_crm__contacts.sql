with

latest as (
    {{ latest_versions(source('crm', 'contacts'), version_column='updated_at') }}
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
    contact_id,
    created_at,
    updated_at,
    owner_id,
    account_id,
    lead_source,
    status,
    converted_contact_id,
    is_deleted,
    email,
    phone,
    full_name,
    first_name,
    last_name,
    company,
    job_title,
    department,
    company_size,
    industry,
    country,
    region,
    city,
    address,
    postal_code,
    birth_date,
    anonymous_id,
    wechat_openid,
    wechat_unionid,
    external_id
from latest
