with

touches as (
    select * from {{ ref('int_engagement__touches') }}
),

content as (
    select * from {{ ref('stg_engagement__content') }}
),

content_journey_stages as (
    select * from {{ ref('content_journey_stages') }}
),

types as (
    select * from {{ ref('int_engagement__type_channels') }}
),

medium_channels as (
    select * from {{ ref('channel_map') }}
    where field = 'utm_medium'
),

-- a content id is unique within its own system; trackers may refer to another system's content
content_by_id as (
    select
        content.content_id,
        content.content_type,
        coalesce(content.journey_stage, content_journey_stages.journey_stage) as journey_stage,
        content.product_id
    from content
    left join content_journey_stages
        on content.content_type = content_journey_stages.content_type
    qualify row_number() over (partition by content.content_id order by content.record_id) = 1
),

enriched as (
    select
        touches.interaction_id,
        touches.person_id,
        touches.occurred_at,
        touches.is_date_only,
        touches.interaction_type,
        coalesce(touches.direction, types.default_direction, 'inbound') as direction,
        touches.source_table,
        touches.source_system,
        touches.content_id,
        content_by_id.content_type,
        content_by_id.journey_stage,
        coalesce(touches.product_id, content_by_id.product_id) as product_id,
        touches.campaign_id,
        coalesce(medium_channels.channel, types.channel) as channel,
        touches.utm_source,
        touches.utm_medium,
        touches.utm_campaign,
        touches.duration_seconds,
        touches.outcome,
        coalesce(types.is_engagement, false) as is_engagement_type,
        coalesce(types.is_meaningful, false) as is_meaningful_type,
        coalesce(types.is_lasting_contact, false) as is_lasting_contact
    from touches
    left join types
        on touches.interaction_type = types.interaction_type
    left join content_by_id
        on touches.content_id = content_by_id.content_id
    left join medium_channels
        on lower(touches.utm_medium) = medium_channels.value
)

-- what the person did itself; a send, a delivery or our own call is not engagement, a call or mail from the person is
select
    interaction_id,
    person_id,
    occurred_at,
    is_date_only,
    interaction_type,
    direction,
    source_table,
    source_system,
    content_id,
    content_type,
    journey_stage,
    product_id,
    campaign_id,
    channel,
    utm_source,
    utm_medium,
    utm_campaign,
    duration_seconds,
    outcome,
    direction = 'inbound' and (is_engagement_type or source_table = 'crm.activities') as is_engagement,
    direction = 'inbound' and is_meaningful_type as is_meaningful,
    direction = 'inbound' and is_lasting_contact as is_lasting_contact
from enriched
