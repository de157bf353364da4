with

leads as (
    select * from {{ ref('stg_crm__leads') }}
),

contacts as (
    select * from {{ ref('stg_crm__contacts') }}
),

opportunities as (
    select * from {{ ref('stg_crm__opportunities') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

opportunity_periods as (
    select * from {{ ref('int_lifecycle__opportunity_periods') }}
),

owned as (
    select
        record_persons.person_id,
        leads.owner_id,
        leads.record_id,
        coalesce(leads.updated_at, leads.created_at) as owned_at
    from leads
    inner join record_persons
        on leads.record_id = record_persons.record_id
    where not coalesce(leads.is_deleted, false)

    union all

    select
        record_persons.person_id,
        contacts.owner_id,
        contacts.record_id,
        coalesce(contacts.updated_at, contacts.created_at) as owned_at
    from contacts
    inner join record_persons
        on contacts.record_id = record_persons.record_id
    where not coalesce(contacts.is_deleted, false)

    union all

    select
        opportunity_periods.person_id,
        opportunities.owner_id,
        opportunities.record_id,
        coalesce(opportunities.updated_at, opportunities.created_at) as owned_at
    from opportunities
    inner join opportunity_periods
        on opportunities.record_id = opportunity_periods.opportunity_record_id
)

select
    person_id,
    owner_id,
    record_id,
    owned_at
from owned
where
    person_id is not null
    and owner_id is not null
qualify row_number() over (partition by person_id order by owned_at desc nulls last, record_id asc) = 1
