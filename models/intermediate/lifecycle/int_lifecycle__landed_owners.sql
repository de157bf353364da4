with

landed as (
    select * from {{ ref('int_lifecycle__landed_since') }}
),

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

crm_persons as (
    select * from {{ ref('int_identity__crm_persons') }}
),

crm_facts as (
    select * from {{ ref('int_lifecycle__crm_facts') }}
),

activities as (
    select * from {{ ref('stg_crm__activities') }}
),

orders as (
    select * from {{ ref('stg_crm__orders') }}
),

opportunities as (
    select * from {{ ref('stg_crm__opportunities') }}
),

opportunity_history as (
    select * from {{ ref('stg_crm__opportunity_history') }}
),

opportunity_contacts as (
    select * from {{ ref('stg_crm__opportunity_contacts') }}
),

status_history as (
    select * from {{ ref('stg_crm__status_history') }}
),

crm_merges as (
    select * from {{ ref('stg_crm__merges') }}
),

-- CRM rows name an object; the persons of what is deleted are found by it too
object_rows as (
    select
        record_id,
        source_system,
        cast(null as varchar) as object_type,
        object_id
    from activities

    union all

    select
        record_id,
        source_system,
        'contact' as object_type,
        contact_id as object_id
    from orders

    union all

    select
        record_id,
        source_system,
        'contact' as object_type,
        contact_id as object_id
    from opportunities

    union all

    select
        opportunity_history.record_id,
        opportunity_history.source_system,
        'contact' as object_type,
        opportunities.contact_id as object_id
    from opportunity_history
    inner join opportunities
        on
            opportunity_history.source_system = opportunities.source_system
            and opportunity_history.opportunity_id = opportunities.opportunity_id

    union all

    select
        record_id,
        source_system,
        'contact' as object_type,
        contact_id as object_id
    from opportunity_contacts

    union all

    select
        record_id,
        source_system,
        lower(object_type) as object_type,
        object_id
    from status_history

    union all

    select
        record_id,
        source_system,
        lower(object_type) as object_type,
        winner_id as object_id
    from crm_merges
),

owners as (
    select
        interaction_id as record_id,
        person_id
    from interactions

    union all

    select
        record_id,
        person_id
    from record_persons

    union all

    select
        record_id,
        person_id
    from crm_facts

    union all

    select
        object_rows.record_id,
        crm_persons.person_id
    from object_rows
    inner join crm_persons
        on
            object_rows.source_system = crm_persons.source_system
            and object_rows.object_id = crm_persons.object_id
            and coalesce(object_rows.object_type, crm_persons.object_type) = crm_persons.object_type
)

select distinct
    owners.record_id,
    owners.person_id
from owners
inner join landed
    on owners.record_id = landed.record_id
