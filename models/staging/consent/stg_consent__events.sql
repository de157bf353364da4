with

latest as (
    {{ latest_versions(source('consent', 'events')) }}
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
    occurred_at,
    email,
    phone,
    wechat_openid,
    external_id,
    channel,
    purpose,
    action,
    method,
    evidence,
    list_source,
    country
from latest
