{#- Which buying roles a person fills, since when: by the title of the time, and by what the CRM says on a deal. -#}
with

profile_history as (
    select * from {{ ref('int_identity__profile_history') }}
    where attribute = 'job_title'
),

roles as (
    select * from {{ ref('buying_roles') }}
),

crm_roles as (
    select * from {{ ref('crm_buying_roles') }}
),

opportunity_contacts as (
    select * from {{ ref('stg_crm__opportunity_contacts') }}
),

crm_persons as (
    select * from {{ ref('int_identity__crm_persons') }}
    where object_type = 'contact'
),

titles as (
    select distinct value as job_title
    from profile_history
),

title_roles as (
    select
        titles.job_title,
        roles.role
    from titles
    inner join roles
        on {{ regexp_matches('titles.job_title', 'roles.title_pattern') }}
)

select
    profile_history.person_id,
    title_roles.role,
    profile_history.valid_from,
    profile_history.valid_to,
    'title' as said_by
from profile_history
inner join title_roles
    on profile_history.value = title_roles.job_title

union all

select
    crm_persons.person_id,
    crm_roles.role,
    min(coalesce(opportunity_contacts.added_at, timestamp '0001-01-01')) as valid_from,
    cast(null as timestamp) as valid_to,
    'crm' as said_by
from opportunity_contacts
inner join crm_roles
    on lower(opportunity_contacts.role) = crm_roles.crm_role
inner join crm_persons
    on
        opportunity_contacts.source_system = crm_persons.source_system
        and opportunity_contacts.contact_id = crm_persons.object_id
group by crm_persons.person_id, crm_roles.role
