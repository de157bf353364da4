with

interactions as (
    select * from {{ ref('fct_interaction') }}
),

persons as (
    select * from {{ ref('int_identity__persons') }}
),

job_changes as (
    select * from {{ ref('int_lifecycle__job_changes') }}
),

lists as (
    select * from {{ ref('bridge_account_target_list') }}
),

person_roles as (
    select * from {{ ref('int_accounts__person_roles') }}
),

roles as (
    select * from {{ ref('buying_roles') }}
    where is_wanted
),

events as (
    select * from {{ ref('stg_events__catalog') }}
),

webinars as (
    select * from {{ ref('stg_webinars__catalog') }}
),

event_attendance as (
    select * from {{ ref('stg_events__attendance') }}
),

webinar_attendance as (
    select * from {{ ref('stg_webinars__attendance') }}
),

gatherings as (
    select
        record_id as event_key,
        source_system,
        event_id,
        name as event_name,
        coalesce(event_type, 'event') as event_type,
        starts_at,
        city,
        campaign_id
    from events

    union all

    select
        record_id as event_key,
        source_system,
        webinar_id as event_id,
        name as event_name,
        'webinar' as event_type,
        starts_at,
        cast(null as varchar) as city,
        campaign_id
    from webinars
),

visits as (
    select
        events.record_id as event_key,
        event_attendance.record_id as interaction_id
    from event_attendance
    inner join events
        on
            event_attendance.source_system = events.source_system
            and event_attendance.event_id = events.event_id

    union all

    select
        webinars.record_id as event_key,
        webinar_attendance.record_id as interaction_id
    from webinar_attendance
    inner join webinars
        on
            webinar_attendance.source_system = webinars.source_system
            and webinar_attendance.webinar_id = webinars.webinar_id
),

attendees as (
    select
        visits.event_key,
        interactions.person_id,
        persons.account_id,
        max(case when persons.is_anonymous then 0 else 1 end) as is_identified,
        coalesce(gatherings.starts_at, min(interactions.occurred_at)) as held_at
    from visits
    inner join gatherings
        on visits.event_key = gatherings.event_key
    inner join interactions
        on visits.interaction_id = interactions.interaction_id
    inner join persons
        on interactions.person_id = persons.person_id
    group by visits.event_key, interactions.person_id, persons.account_id, gatherings.starts_at
),

-- on the date of the event, not of now: the account is the one that the next change of employer left
employed as (
    select
        attendees.event_key,
        attendees.person_id,
        attendees.is_identified,
        attendees.held_at,
        coalesce(job_changes.from_account_id, attendees.account_id) as account_id
    from attendees
    left join job_changes
        on
            attendees.person_id = job_changes.person_id
            and attendees.held_at < job_changes.changed_at
            and (job_changes.previous_changed_at is null or attendees.held_at >= job_changes.previous_changed_at)
),

judged as (
    select
        employed.event_key,
        employed.person_id,
        employed.is_identified,
        max(case when lists.account_id is not null then 1 else 0 end) as is_of_target,
        max(case when roles.role is not null then 1 else 0 end) as is_in_role
    from employed
    left join lists
        on
            employed.account_id = lists.account_id
            and employed.held_at >= lists.valid_from
            and (lists.valid_to is null or employed.held_at < lists.valid_to)
    left join person_roles
        on
            employed.person_id = person_roles.person_id
            and employed.held_at >= person_roles.valid_from
            and (person_roles.valid_to is null or employed.held_at < person_roles.valid_to)
    left join roles
        on person_roles.role = roles.role
    group by employed.event_key, employed.person_id, employed.is_identified
),

counted as (
    select
        event_key,
        count(*) as attendee_count,
        sum(is_identified) as identified_count,
        sum(is_identified * is_of_target) as target_account_count,
        sum(is_identified * is_in_role) as wanted_role_count,
        sum(is_identified * is_of_target * is_in_role) as reached_count
    from judged
    group by event_key
)

select
    gatherings.event_key,
    gatherings.event_id,
    gatherings.source_system,
    gatherings.event_name,
    gatherings.event_type,
    gatherings.city,
    gatherings.campaign_id,
    {{ format_month('gatherings.starts_at') }} as month,
    cast(coalesce(counted.attendee_count, 0) as bigint) as attendee_count,
    cast(coalesce(counted.identified_count, 0) as bigint) as identified_count,
    cast(coalesce(counted.target_account_count, 0) as bigint) as target_account_count,
    cast(coalesce(counted.wanted_role_count, 0) as bigint) as wanted_role_count,
    cast(coalesce(counted.reached_count, 0) as bigint) as reached_count,
    cast(counted.reached_count as double) / nullif(counted.identified_count, 0) as reach,
    gatherings.starts_at
from gatherings
left join counted
    on gatherings.event_key = counted.event_key
