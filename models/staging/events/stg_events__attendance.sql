with

latest as (
    {{ latest_versions(source('events', 'attendance')) }}
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
    event_id,
    registration_id,
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
    external_id,
    checked_in_at,
    left_at,
    booth_visits
from latest
