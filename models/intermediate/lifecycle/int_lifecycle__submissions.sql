with

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
    where direction = 'inbound'
),

leads as (
    select * from {{ ref('stg_crm__leads') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

routes as (
    select * from {{ ref('routes') }}
),

types as (
    select * from {{ ref('interaction_types') }}
),

-- patterns are resolved on the few interaction types, not on the interactions
type_routes as (
    select
        types.interaction_type,
        routes.priority
    from types
    inner join routes
        on
            types.interaction_type = routes.interaction_type
            or (routes.interaction_type like '%*' and types.interaction_type like replace(routes.interaction_type, '*', '%'))
),

routed_interactions as (
    select
        interactions.person_id,
        interactions.occurred_at,
        interactions.is_date_only,
        interactions.interaction_id as record_id,
        interactions.source_table,
        routes.priority,
        routes.route,
        routes.signal,
        routes.gate,
        routes.reentry,
        routes.is_request,
        routes.motion,
        routes.assign_to
    from interactions
    inner join type_routes
        on interactions.interaction_type = type_routes.interaction_type
    inner join routes
        on type_routes.priority = routes.priority
    where
        (routes.utm_medium is null or lower(interactions.utm_medium) = routes.utm_medium)
        and routes.lead_source is null
),

routed_leads as (
    select
        record_persons.person_id,
        leads.created_at as occurred_at,
        leads.is_date_only,
        leads.record_id,
        'crm.leads' as source_table,
        routes.priority,
        routes.route,
        routes.signal,
        routes.gate,
        routes.reentry,
        routes.is_request,
        routes.motion,
        routes.assign_to
    from leads
    inner join record_persons
        on leads.record_id = record_persons.record_id
    inner join routes
        on lower(leads.lead_source) = routes.lead_source
    where not coalesce(leads.is_deleted, false)
),

unioned as (
    select * from routed_interactions
    union all
    select * from routed_leads
)

-- the first route that fits decides for this submission
select
    person_id,
    occurred_at,
    is_date_only,
    record_id,
    source_table,
    route,
    signal,
    gate,
    reentry,
    is_request,
    motion,
    assign_to
from unioned
where occurred_at <= {{ as_of() }}
qualify row_number() over (partition by record_id order by priority) = 1
