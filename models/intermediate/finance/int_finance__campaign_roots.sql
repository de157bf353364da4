{#- The CRM's campaigns with the one at the top of each. A chain that runs in a circle or is too deep keeps the campaign as its own top. -#}
with recursive

stg_campaigns as (
    select * from {{ ref('stg_crm__campaigns') }}
),

-- two systems may use one id; the touches do not say which, so the first record speaks
campaigns as (
    select
        campaign_id,
        name,
        lower(channel) as channel,
        nullif(parent_campaign_id, campaign_id) as parent_campaign_id,
        starts_on,
        ends_on,
        budget_amount,
        currency,
        source_system,
        count(*) over (partition by campaign_id) as system_count
    from stg_campaigns
    qualify row_number() over (partition by campaign_id order by load_sequence, record_id) = 1
),

climbed as (
    select
        campaign_id,
        campaign_id as top_campaign_id,
        parent_campaign_id as next_campaign_id,
        1 as depth
    from campaigns

    union all

    select
        climbed.campaign_id,
        campaigns.campaign_id as top_campaign_id,
        campaigns.parent_campaign_id as next_campaign_id,
        climbed.depth + 1 as depth
    from climbed
    inner join campaigns
        on climbed.next_campaign_id = campaigns.campaign_id
    where climbed.depth < {{ var('campaign_levels') }}
),

ends as (
    select
        climbed.campaign_id,
        climbed.top_campaign_id,
        climbed.depth
    from climbed
    left join campaigns as parents
        on climbed.next_campaign_id = parents.campaign_id
    where parents.campaign_id is null
)

select
    campaigns.campaign_id,
    campaigns.name as campaign_name,
    campaigns.channel,
    campaigns.parent_campaign_id,
    coalesce(ends.top_campaign_id, campaigns.campaign_id) as top_campaign_id,
    coalesce(ends.depth, 1) as campaign_level,
    campaigns.source_system,
    campaigns.system_count,
    campaigns.starts_on,
    campaigns.ends_on,
    campaigns.budget_amount,
    campaigns.currency
from campaigns
left join ends
    on campaigns.campaign_id = ends.campaign_id
