with

landed as (
    select * from {{ ref('int_lifecycle__landed_since') }}
),

published_night as (
    select * from {{ source('ops', 'published_night') }}
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

redirects as (
    select * from {{ ref('bridge_person_redirect') }}
),

loads as (
    select * from {{ source('ops', 'loads') }}
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

record_owners as (
    select
        interaction_id as record_id,
        person_id
    from interactions

    union

    select
        record_id,
        person_id
    from record_persons

    union

    select
        record_id,
        person_id
    from crm_facts
    where record_id is not null

    union

    select
        object_rows.record_id,
        crm_persons.person_id
    from object_rows
    inner join crm_persons
        on
            object_rows.source_system = crm_persons.source_system
            and object_rows.object_id = crm_persons.object_id
            and coalesce(object_rows.object_type, crm_persons.object_type) = crm_persons.object_type
),

-- what happened since that night changes nothing before it; what was corrected may
landed_facts as (
    select
        record_owners.person_id,
        case
            when landed.is_deleted then 'deleted_fact'
            when landed.is_known_record then 'corrected_fact'
            else 'late_fact'
        end as cause_kind,
        case when landed.is_deleted then 0 when landed.is_known_record then 3 else 2 end as kind_order,
        landed.source_table,
        landed.record_id,
        landed.load_id,
        landed.arrived_at
    from landed
    cross join published_night
    inner join record_owners
        on landed.record_id = record_owners.record_id
    where landed.is_known_record or landed.is_deleted or landed.occurred_at <= published_night.as_of
),

load_times as (
    select
        load_id,
        min(arrived_at) as arrived_at
    from loads
    group by load_id
),

-- a redirect that began or ended with a load since then joined or parted two persons
moved_persons as (
    select
        redirects.retired_person_id,
        redirects.person_id,
        redirects.load_id,
        greatest(redirects.valid_from, coalesce(redirects.valid_to, redirects.valid_from)) as moved_at
    from redirects
    cross join published_night
    where redirects.valid_from > published_night.as_of or redirects.valid_to > published_night.as_of
),

identity_causes as (
    select
        retired_person_id as person_id,
        load_id,
        moved_at
    from moved_persons

    union

    select
        person_id,
        load_id,
        moved_at
    from moved_persons
)

select
    person_id,
    cause_kind,
    kind_order,
    source_table,
    record_id,
    load_id,
    arrived_at
from landed_facts

union all

select
    identity_causes.person_id,
    'identity' as cause_kind,
    1 as kind_order,
    cast(null as varchar) as source_table,
    cast(null as varchar) as record_id,
    identity_causes.load_id,
    coalesce(load_times.arrived_at, identity_causes.moved_at) as arrived_at
from identity_causes
left join load_times
    on identity_causes.load_id = load_times.load_id
