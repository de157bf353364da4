with

latest as (
    {{ latest_versions(source('engagement', 'interactions')) }}
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
    interaction_id,
    occurred_at,
    type,
    direction,
    anonymous_id,
    email,
    phone,
    wechat_openid,
    wechat_unionid,
    external_id,
    company_domain,
    content_id,
    product_id,
    page_url,
    campaign_id,
    programme_id,
    programme_step,
    variant_id,
    platform,
    utm_source,
    utm_medium,
    utm_campaign,
    utm_content,
    utm_term,
    duration_seconds
from latest
