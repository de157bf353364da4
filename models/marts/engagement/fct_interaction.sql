with

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
),

persons as (
    select * from {{ ref('int_identity__persons') }}
),

job_changes as (
    select * from {{ ref('int_lifecycle__job_changes') }}
)

select
    interactions.interaction_id,
    interactions.person_id,
    coalesce(job_changes.from_account_id, persons.account_id) as account_id,
    interactions.source_table,
    interactions.source_system,
    interactions.interaction_type,
    interactions.direction,
    interactions.channel,
    interactions.campaign_id,
    interactions.content_id,
    interactions.content_type,
    interactions.journey_stage,
    interactions.product_id,
    interactions.utm_source,
    interactions.utm_medium,
    interactions.utm_campaign,
    interactions.outcome,
    interactions.duration_seconds,
    cast(1 as integer) as interaction_count,
    interactions.is_engagement,
    interactions.is_meaningful,
    interactions.is_date_only,
    persons.identified_at is null or interactions.occurred_at < persons.identified_at as was_anonymous,
    interactions.occurred_at
from interactions
inner join persons
    on interactions.person_id = persons.person_id
-- the account of a touch is the one of its time: the account that the next change of employer left
left join job_changes
    on
        interactions.person_id = job_changes.person_id
        and interactions.occurred_at < job_changes.changed_at
        and (job_changes.previous_changed_at is null or interactions.occurred_at >= job_changes.previous_changed_at)
