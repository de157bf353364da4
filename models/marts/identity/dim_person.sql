with

profiles as (
    select * from {{ ref('int_tags__profiles') }}
),

person_tags as (
    select * from {{ ref('bridge_person_tag') }}
),

contactability as (
    select * from {{ ref('mart_contactability') }}
    where is_contactable
),

contact_purposes as (
    select * from {{ ref('contact_purposes') }}
    where is_form_default
),

assignments as (
    select * from {{ ref('fct_assignment') }}
    where state = 'in_pool'
),

interactions as (
    select * from {{ ref('fct_interaction') }}
    where
        is_engagement
        and direction = 'inbound'
),

tagged as (
    select
        person_id,
        {{ text_agg('tag', '|', 'tag') }} as tags
    from person_tags
    group by person_id
),

contactable as (
    select
        contactability.person_id,
        {{ text_agg('contactability.channel', '|', 'contactability.channel') }} as contactable_channels
    from contactability
    inner join contact_purposes
        on contactability.purpose = contact_purposes.purpose
    group by contactability.person_id
),

pooled as (
    select distinct person_id
    from assignments
),

touch_ends as (
    select
        person_id,
        min(occurred_at) as first_touched_at,
        max(occurred_at) as last_touched_at
    from interactions
    group by person_id
),

-- of touches at the same moment the first channel of the alphabet speaks
touch_channels as (
    select
        touch_ends.person_id,
        touch_ends.first_touched_at,
        touch_ends.last_touched_at,
        min(case when interactions.occurred_at = touch_ends.first_touched_at then interactions.channel end) as first_touch_channel,
        min(case when interactions.occurred_at = touch_ends.last_touched_at then interactions.channel end) as last_touch_channel
    from touch_ends
    inner join interactions
        on
            touch_ends.person_id = interactions.person_id
            and interactions.occurred_at in (touch_ends.first_touched_at, touch_ends.last_touched_at)
    group by touch_ends.person_id, touch_ends.first_touched_at, touch_ends.last_touched_at
)

select
    profiles.person_id,
    profiles.account_id,
    profiles.account_rule,
    profiles.email,
    profiles.phone,
    profiles.full_name,
    profiles.first_name,
    profiles.last_name,
    profiles.company,
    profiles.job_title,
    profiles.department,
    profiles.company_size,
    profiles.industry,
    profiles.country,
    profiles.region,
    profiles.city,
    profiles.stage,
    profiles.route,
    profiles.grade,
    profiles.cycle_number,
    profiles.score,
    profiles.fit_score,
    profiles.behaviour_score,
    profiles.score_display,
    profiles.is_anonymous,
    profiles.is_test,
    profiles.is_competitor,
    profiles.is_cleaned_out,
    profiles.has_corporate_email,
    profiles.has_mobile,
    profiles.first_seen_at,
    profiles.befriended_at,
    profiles.identified_at,
    profiles.stage_entered_at,
    tagged.tags,
    contactable.contactable_channels,
    pooled.person_id is not null as is_in_pool,
    touch_channels.first_touch_channel,
    touch_channels.last_touch_channel,
    touch_channels.first_touched_at,
    touch_channels.last_touched_at
from profiles
left join tagged
    on profiles.person_id = tagged.person_id
left join contactable
    on profiles.person_id = contactable.person_id
left join pooled
    on profiles.person_id = pooled.person_id
left join touch_channels
    on profiles.person_id = touch_channels.person_id
