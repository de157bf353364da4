{#- What an account's people did; where the person has no account, the network's company as the tracker saw it. -#}
with

interactions as (
    select * from {{ ref('fct_interaction') }}
    where is_engagement
),

tracked as (
    select
        record_id,
        company_domain
    from {{ ref('stg_engagement__interactions') }}
    where company_domain is not null
),

domains as (
    select * from {{ ref('int_identity__domains') }}
    where is_corporate
),

account_keys as (
    select * from {{ ref('int_identity__account_keys') }}
    where key_type = 'domain'
),

minutes as (
    select * from {{ ref('touch_minutes') }}
),

company_visits as (
    select
        tracked.record_id,
        account_keys.account_id
    from tracked
    inner join domains
        on tracked.company_domain = domains.raw_host
    inner join account_keys
        on domains.domain = account_keys.key_value
),

assigned as (
    select
        interactions.interaction_id,
        coalesce(interactions.account_id, company_visits.account_id) as account_id,
        interactions.person_id,
        interactions.interaction_type,
        interactions.was_anonymous,
        interactions.account_id is null as is_company_visit,
        interactions.occurred_at,
        interactions.duration_seconds
    from interactions
    left join company_visits
        on interactions.interaction_id = company_visits.record_id
)

select
    assigned.interaction_id,
    assigned.account_id,
    assigned.person_id,
    assigned.interaction_type,
    assigned.was_anonymous,
    assigned.is_company_visit,
    assigned.occurred_at,
    assigned.duration_seconds is null and minutes.interaction_type is not null as is_estimated,
    coalesce(minutes.is_event, false) as is_event,
    case
        when minutes.interaction_type is null then 0.0
        when assigned.duration_seconds is null then minutes.estimated_minutes
        else least(greatest(assigned.duration_seconds / 60.0, 0.0), minutes.max_minutes)
    end as minutes
from assigned
left join minutes
    on assigned.interaction_type = minutes.interaction_type
where assigned.account_id is not null
