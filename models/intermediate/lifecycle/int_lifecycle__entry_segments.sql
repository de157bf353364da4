with

entries as (
    select * from {{ ref('int_lifecycle__entries') }}
),

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
    where direction = 'inbound'
),

leads as (
    select * from {{ ref('stg_crm__leads') }}
),

opportunities as (
    select * from {{ ref('stg_crm__opportunities') }}
),

source_channels as (
    select * from {{ ref('channel_map') }}
    where field = 'lead_source'
),

profile_history as (
    select * from {{ ref('int_identity__profile_history') }}
),

cycle_openings as (
    select *
    from entries
    qualify row_number() over (partition by person_id, track, cycle_number order by event_number) = 1
),

-- the touch that opened the cycle, when the opening record is one
opening_touches as (
    select
        cycle_openings.person_id,
        cycle_openings.track,
        cycle_openings.cycle_number,
        cycle_openings.entered_at,
        coalesce(interactions.channel, source_channels.channel) as channel,
        coalesce(interactions.campaign_id, opportunities.campaign_id) as campaign_id
    from cycle_openings
    left join interactions
        on cycle_openings.record_id = interactions.interaction_id
    left join leads
        on cycle_openings.record_id = leads.record_id
    left join source_channels
        on lower(leads.lead_source) = source_channels.value
    left join opportunities
        on cycle_openings.record_id = opportunities.record_id
),

-- else the last touch before it whose channel is known
touches_before as (
    select
        opening_touches.person_id,
        opening_touches.track,
        opening_touches.cycle_number,
        interactions.channel,
        interactions.campaign_id
    from opening_touches
    inner join interactions
        on
            opening_touches.person_id = interactions.person_id
            and opening_touches.entered_at >= interactions.occurred_at
    where opening_touches.channel is null and interactions.channel is not null
    qualify row_number() over (
            partition by opening_touches.person_id, opening_touches.track, opening_touches.cycle_number
            order by interactions.occurred_at desc, interactions.interaction_id desc
        ) = 1
),

cycle_segments as (
    select
        opening_touches.person_id,
        opening_touches.track,
        opening_touches.cycle_number,
        coalesce(opening_touches.channel, touches_before.channel, 'unmapped') as channel,
        coalesce(opening_touches.campaign_id, touches_before.campaign_id, 'unknown') as campaign_id
    from opening_touches
    left join touches_before
        on
            opening_touches.person_id = touches_before.person_id
            and opening_touches.track = touches_before.track
            and opening_touches.cycle_number = touches_before.cycle_number
),

profile_segments as (
    select
        entries.person_id,
        entries.track,
        entries.event_number,
        max(case when profile_history.attribute = 'region' then profile_history.value end) as region,
        max(case when profile_history.attribute = 'industry' then profile_history.value end) as industry,
        max(case when profile_history.attribute = 'company_size' then profile_history.value end) as company_size
    from entries
    inner join profile_history
        on
            entries.person_id = profile_history.person_id
            and entries.entered_at >= profile_history.valid_from
            and (profile_history.valid_to is null or entries.entered_at < profile_history.valid_to)
    where profile_history.attribute in ('region', 'industry', 'company_size')
    group by
        entries.person_id,
        entries.track,
        entries.event_number
)

select
    entries.person_id,
    entries.track,
    entries.event_number,
    cycle_segments.channel,
    cycle_segments.campaign_id,
    coalesce(profile_segments.region, 'unknown') as region,
    coalesce(profile_segments.industry, 'unknown') as industry,
    coalesce(profile_segments.company_size, 'unknown') as company_size
from entries
inner join cycle_segments
    on
        entries.person_id = cycle_segments.person_id
        and entries.track = cycle_segments.track
        and entries.cycle_number = cycle_segments.cycle_number
left join profile_segments
    on
        entries.person_id = profile_segments.person_id
        and entries.track = profile_segments.track
        and entries.event_number = profile_segments.event_number
