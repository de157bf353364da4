with

latest as (
    {{ latest_versions(source('events', 'registrations')) }}
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
    registration_id,
    event_id,
    registered_at,
    status,
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
