with

opportunities as (
    select * from {{ ref('stg_crm__opportunities') }}
),

opportunity_contacts as (
    select * from {{ ref('stg_crm__opportunity_contacts') }}
),

crm_persons as (
    select * from {{ ref('int_identity__crm_persons') }}
    where object_type = 'contact'
),

primary_contacts as (
    select
        source_system,
        opportunity_id,
        contact_id
    from opportunity_contacts
    where is_primary
    qualify row_number() over (
            partition by source_system, opportunity_id order by added_at asc nulls last, contact_id asc
        ) = 1
),

-- an opportunity moves its primary contact and nobody else
with_contact as (
    select
        opportunities.record_id,
        opportunities.source_system,
        opportunities.opportunity_id,
        opportunities.account_id as crm_account_id,
        coalesce(opportunities.contact_id, primary_contacts.contact_id) as contact_id,
        opportunities.created_at,
        opportunities.closed_at,
        opportunities.is_won,
        opportunities.is_date_only,
        opportunities.campaign_id
    from opportunities
    left join primary_contacts
        on
            opportunities.opportunity_id = primary_contacts.opportunity_id
            and opportunities.source_system = primary_contacts.source_system
    where
        opportunities.created_at <= {{ as_of() }}
        and not coalesce(opportunities.is_deleted, false)
)

-- one that is said to have closed before it was created opened and closed at its close
select
    with_contact.record_id as opportunity_record_id,
    with_contact.source_system,
    with_contact.opportunity_id,
    with_contact.crm_account_id,
    with_contact.contact_id,
    crm_persons.person_id,
    with_contact.created_at,
    least(with_contact.created_at, coalesce(with_contact.closed_at, with_contact.created_at)) as opened_at,
    case when with_contact.closed_at <= {{ as_of() }} then with_contact.closed_at end as closed_at,
    case when with_contact.closed_at <= {{ as_of() }} then coalesce(with_contact.is_won, false) end as is_won,
    with_contact.is_date_only,
    coalesce(with_contact.closed_at < with_contact.created_at, false) as is_closed_before_created,
    with_contact.campaign_id
from with_contact
left join crm_persons
    on
        with_contact.contact_id = crm_persons.object_id
        and with_contact.source_system = crm_persons.source_system
