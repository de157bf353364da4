{#- What somebody did through one channel and campaign on one day is one touch, so that ten page views do not outweigh a webinar. -#}
with

interactions as (
    select * from {{ ref('fct_interaction') }}
    where is_engagement
)

select
    min(interaction_id) as touch_id,
    person_id,
    account_id,
    coalesce(channel, 'unmapped') as channel,
    coalesce(campaign_id, 'unknown') as campaign_id,
    min(occurred_at) as touched_at,
    max(occurred_at) as last_touched_at,
    count(*) as interaction_count
from interactions
group by
    person_id,
    account_id,
    coalesce(channel, 'unmapped'),
    coalesce(campaign_id, 'unknown'),
    cast(occurred_at as date)
