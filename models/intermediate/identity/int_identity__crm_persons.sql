with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
),

crm_references as (
    select * from {{ ref('int_identity__crm_references') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

objects as (
    select
        record_id,
        source_system,
        case source_table when 'crm.leads' then 'lead' else 'contact' end as object_type,
        case source_table when 'crm.leads' then lead_id else contact_id end as object_id
    from record_versions
    where source_table in ('crm.leads', 'crm.contacts')
        and version_number = 1
    union
    select
        record_id,
        source_system,
        object_type,
        object_id
    from crm_references
)

select
    objects.source_system,
    objects.object_type,
    objects.object_id,
    record_persons.person_id
from objects
inner join record_persons
    on objects.record_id = record_persons.record_id
