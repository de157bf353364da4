{#- Records that show something new tonight: rows of their own, a merge in the CRM, a decision that names them. Empty on a full night. -#}
with

night as (
    select * from {{ ref('int_identity__night') }}
),

records as (
    select * from {{ ref('int_identity__records') }}
),

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
    where contact_id is not null
),

crm_merges as (
    select * from {{ ref('int_identity__crm_merges') }}
),

changed_decisions as (
    select * from {{ ref('int_identity__changed_decisions') }}
),

-- whose place in the CRM is another tonight: whoever a merge of tonight names, and all that end where they end
merge_rows as (
    select
        _source_system as source_system,
        object_type,
        loser_id,
        winner_id
    from {{ source('crm', 'merges') }}
    where _arrived_at <= {{ as_of() }}
        and _load_sequence > (select night.since_load_sequence from night)
),

named_objects as (
    select
        source_system,
        object_type,
        loser_id as object_id
    from merge_rows
    union
    select
        source_system,
        object_type,
        winner_id as object_id
    from merge_rows
),

named_ends as (
    select distinct
        named_objects.source_system,
        named_objects.object_type,
        coalesce(crm_merges.winner_id, named_objects.object_id) as winner_id
    from named_objects
    left join crm_merges
        on named_objects.source_system = crm_merges.source_system
            and named_objects.object_type = crm_merges.object_type
            and named_objects.object_id = crm_merges.loser_id
),

merged_objects as (
    select * from named_objects
    union
    select
        crm_merges.source_system,
        crm_merges.object_type,
        crm_merges.loser_id as object_id
    from crm_merges
    inner join named_ends
        on crm_merges.source_system = named_ends.source_system
            and crm_merges.object_type = named_ends.object_type
            and crm_merges.winner_id = named_ends.winner_id
    union
    select
        source_system,
        object_type,
        winner_id as object_id
    from named_ends
),

merged_record_ids as (
    select
        case object_type
            when 'lead' then {{ record_id('crm.leads', 'source_system', single_key('object_id')) }}
            else {{ record_id('crm.contacts', 'source_system', single_key('object_id')) }}
        end as record_id
    from merged_objects
    where object_type in ('lead', 'contact')
),

named_record_ids as (
    select record_id from merged_record_ids
    union
    select identifier_value as record_id
    from changed_decisions
    where identifier_type = 'record'
),

-- a lead that became a contact follows where the contact goes
mentioning_records as (
    select distinct record_versions.birth_order
    from record_versions
    inner join merged_objects
        on merged_objects.object_type = 'contact'
            and record_versions.source_system = merged_objects.source_system
            and {{ blank_to_null('record_versions.contact_id') }} = merged_objects.object_id
)

select records.birth_order
from records
inner join night
    on records.last_load_sequence > night.since_load_sequence
where night.is_delta
union
select mentioning_records.birth_order
from mentioning_records
inner join night
    on night.is_delta
union
select records.birth_order
from records
inner join named_record_ids
    on records.record_id = named_record_ids.record_id
inner join night
    on night.is_delta
