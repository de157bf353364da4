with

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

interaction_persons as (
    select * from {{ ref('int_identity__interaction_persons') }}
),

crm_persons as (
    select * from {{ ref('int_identity__crm_persons') }}
),

interactions as (
    select * from {{ ref('stg_engagement__interactions') }}
),

submissions as (
    select * from {{ ref('stg_forms__submissions') }}
),

event_catalog as (
    select * from {{ ref('stg_events__catalog') }}
),

event_registrations as (
    select * from {{ ref('stg_events__registrations') }}
),

event_attendance as (
    select * from {{ ref('stg_events__attendance') }}
),

webinar_catalog as (
    select * from {{ ref('stg_webinars__catalog') }}
),

webinar_registrations as (
    select * from {{ ref('stg_webinars__registrations') }}
),

webinar_attendance as (
    select * from {{ ref('stg_webinars__attendance') }}
),

activities as (
    select * from {{ ref('stg_crm__activities') }}
),

tracked as (
    select
        interactions.record_id as interaction_id,
        interaction_persons.person_id,
        interactions.occurred_at,
        interactions.is_date_only,
        interactions.type as interaction_type,
        interactions.direction,
        'engagement.interactions' as source_table,
        interactions.source_system,
        interactions.content_id,
        interactions.product_id,
        coalesce(interactions.campaign_id, interactions.utm_campaign) as campaign_id,
        interactions.utm_source,
        interactions.utm_medium,
        interactions.utm_campaign,
        interactions.duration_seconds,
        cast(null as varchar) as outcome
    from interactions
    inner join interaction_persons
        on interactions.record_id = interaction_persons.record_id
),

submitted as (
    select
        submissions.record_id as interaction_id,
        record_persons.person_id,
        submissions.submitted_at as occurred_at,
        submissions.is_date_only,
        'form_' || coalesce(submissions.form_type, 'other') as interaction_type,
        'inbound' as direction,
        'forms.submissions' as source_table,
        submissions.source_system,
        submissions.content_id,
        submissions.product_id,
        submissions.utm_campaign as campaign_id,
        submissions.utm_source,
        submissions.utm_medium,
        submissions.utm_campaign,
        cast(null as double) as duration_seconds,
        cast(null as varchar) as outcome
    from submissions
    inner join record_persons
        on submissions.record_id = record_persons.record_id
),

registered_for_events as (
    select
        event_registrations.record_id as interaction_id,
        record_persons.person_id,
        event_registrations.registered_at as occurred_at,
        event_registrations.is_date_only,
        'event_registration' as interaction_type,
        'inbound' as direction,
        'events.registrations' as source_table,
        event_registrations.source_system,
        cast(null as varchar) as content_id,
        cast(null as varchar) as product_id,
        event_catalog.campaign_id,
        cast(null as varchar) as utm_source,
        cast(null as varchar) as utm_medium,
        cast(null as varchar) as utm_campaign,
        cast(null as double) as duration_seconds,
        event_registrations.status as outcome
    from event_registrations
    inner join record_persons
        on event_registrations.record_id = record_persons.record_id
    left join event_catalog
        on
            event_registrations.event_id = event_catalog.event_id
            and event_registrations.source_system = event_catalog.source_system
),

-- a check-in by a badge alone belongs to whoever registered with that badge
attended_events as (
    select
        event_attendance.record_id as interaction_id,
        coalesce(registrants.person_id, record_persons.person_id) as person_id,
        event_attendance.checked_in_at as occurred_at,
        event_attendance.is_date_only,
        'event_attendance' as interaction_type,
        'inbound' as direction,
        'events.attendance' as source_table,
        event_attendance.source_system,
        cast(null as varchar) as content_id,
        cast(null as varchar) as product_id,
        event_catalog.campaign_id,
        cast(null as varchar) as utm_source,
        cast(null as varchar) as utm_medium,
        cast(null as varchar) as utm_campaign,
        {{ epoch_seconds('event_attendance.left_at') }} - {{ epoch_seconds('event_attendance.checked_in_at') }} as duration_seconds,
        cast(null as varchar) as outcome
    from event_attendance
    left join record_persons
        on event_attendance.record_id = record_persons.record_id
    left join event_registrations
        on
            event_attendance.registration_id = event_registrations.registration_id
            and event_attendance.source_system = event_registrations.source_system
    left join record_persons as registrants
        on event_registrations.record_id = registrants.record_id
    left join event_catalog
        on
            event_attendance.event_id = event_catalog.event_id
            and event_attendance.source_system = event_catalog.source_system
    where coalesce(registrants.person_id, record_persons.person_id) is not null
),

registered_for_webinars as (
    select
        webinar_registrations.record_id as interaction_id,
        record_persons.person_id,
        webinar_registrations.registered_at as occurred_at,
        webinar_registrations.is_date_only,
        'webinar_registration' as interaction_type,
        'inbound' as direction,
        'webinars.registrations' as source_table,
        webinar_registrations.source_system,
        cast(null as varchar) as content_id,
        cast(null as varchar) as product_id,
        webinar_catalog.campaign_id,
        cast(null as varchar) as utm_source,
        cast(null as varchar) as utm_medium,
        cast(null as varchar) as utm_campaign,
        cast(null as double) as duration_seconds,
        cast(null as varchar) as outcome
    from webinar_registrations
    inner join record_persons
        on webinar_registrations.record_id = record_persons.record_id
    left join webinar_catalog
        on
            webinar_registrations.webinar_id = webinar_catalog.webinar_id
            and webinar_registrations.source_system = webinar_catalog.source_system
),

attended_webinars as (
    select
        webinar_attendance.record_id as interaction_id,
        record_persons.person_id,
        webinar_attendance.joined_at as occurred_at,
        webinar_attendance.is_date_only,
        case when webinar_attendance.is_replay then 'webinar_replay' else 'webinar_attendance' end as interaction_type,
        'inbound' as direction,
        'webinars.attendance' as source_table,
        webinar_attendance.source_system,
        cast(null as varchar) as content_id,
        cast(null as varchar) as product_id,
        webinar_catalog.campaign_id,
        cast(null as varchar) as utm_source,
        cast(null as varchar) as utm_medium,
        cast(null as varchar) as utm_campaign,
        webinar_attendance.minutes_attended * 60 as duration_seconds,
        cast(null as varchar) as outcome
    from webinar_attendance
    inner join webinar_registrations
        on
            webinar_attendance.registration_id = webinar_registrations.registration_id
            and webinar_attendance.source_system = webinar_registrations.source_system
    inner join record_persons
        on webinar_registrations.record_id = record_persons.record_id
    left join webinar_catalog
        on
            webinar_attendance.webinar_id = webinar_catalog.webinar_id
            and webinar_attendance.source_system = webinar_catalog.source_system
),

-- an activity names a lead or a contact by its id alone; a contact is the later object and wins
activity_persons as (
    select
        source_system,
        object_id,
        person_id
    from crm_persons
    qualify row_number() over (
            partition by source_system, object_id order by object_type, person_id
        ) = 1
),

worked as (
    select
        activities.record_id as interaction_id,
        activity_persons.person_id,
        activities.occurred_at,
        activities.is_date_only,
        'activity_' || coalesce(activities.type, 'other') as interaction_type,
        activities.direction,
        'crm.activities' as source_table,
        activities.source_system,
        cast(null as varchar) as content_id,
        cast(null as varchar) as product_id,
        cast(null as varchar) as campaign_id,
        cast(null as varchar) as utm_source,
        cast(null as varchar) as utm_medium,
        cast(null as varchar) as utm_campaign,
        activities.duration_seconds,
        activities.outcome
    from activities
    inner join activity_persons
        on
            activities.object_id = activity_persons.object_id
            and activities.source_system = activity_persons.source_system
    where not coalesce(activities.is_deleted, false)
),

unioned as (
    select * from tracked
    union all
    select * from submitted
    union all
    select * from registered_for_events
    union all
    select * from attended_events
    union all
    select * from registered_for_webinars
    union all
    select * from attended_webinars
    union all
    select * from worked
)

select * from unioned
where occurred_at <= {{ as_of() }}
