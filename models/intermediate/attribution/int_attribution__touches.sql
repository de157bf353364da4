{#- What somebody did through one channel and campaign on one day is one touch, so that ten page views do not outweigh a webinar. -#}
with

interactions as (
    select * from {{ ref('fct_interaction') }}
    where is_engagement
),

touch_channels as (
    select * from {{ ref('touch_channels') }}
),

channelled as (
    select
        interactions.interaction_id,
        interactions.person_id,
        interactions.account_id,
        coalesce(interactions.channel, touch_channels.channel, 'unmapped') as channel,
        coalesce(interactions.campaign_id, 'unknown') as campaign_id,
        interactions.occurred_at
    from interactions
    left join touch_channels
        on interactions.interaction_type = touch_channels.interaction_type
)

select
    min(interaction_id) as touch_id,
    person_id,
    account_id,
    channel,
    campaign_id,
    min(occurred_at) as touched_at,
    max(occurred_at) as last_touched_at,
    count(*) as interaction_count
from channelled
group by
    person_id,
    account_id,
    channel,
    campaign_id,
    cast(occurred_at as date)
