{#- Everything that any source calls a campaign. -#}
with

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
),

costs as (
    select * from {{ ref('stg_finance__costs') }}
),

opportunities as (
    select * from {{ ref('stg_crm__opportunities') }}
),

campaigns as (
    select * from {{ ref('stg_crm__campaigns') }}
),

used as (
    select campaign_id from interactions
    union
    select campaign_id from costs
    union
    select campaign_id from opportunities
    union
    select campaign_id from campaigns
    union
    select parent_campaign_id as campaign_id from campaigns
)

select campaign_id from used
where {{ blank_to_null('campaign_id') }} is not null
