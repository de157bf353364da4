with

latest_leads as (
    select * from {{ ref('stg_crm__leads') }}
),

latest_contacts as (
    select * from {{ ref('stg_crm__contacts') }}
),

status_history as (
    select * from {{ ref('stg_crm__status_history') }}
),

versions as (
    select
        _source_system as source_system,
        'lead' as object_type,
        lead_id as object_id,
        _record_id as record_id,
        'crm.leads' as source_table,
        {{ blank_to_null('status') }} as status,
        created_at,
        coalesce(updated_at, created_at) as saved_at,
        _is_date_only as is_date_only,
        _arrived_at as arrived_at,
        _load_sequence as load_sequence,
        _source_row as source_row
    from {{ source('crm', 'leads') }}
    where _arrived_at <= {{ as_of() }}

    union all

    select
        _source_system as source_system,
        'contact' as object_type,
        contact_id as object_id,
        _record_id as record_id,
        'crm.contacts' as source_table,
        {{ blank_to_null('status') }} as status,
        created_at,
        coalesce(updated_at, created_at) as saved_at,
        _is_date_only as is_date_only,
        _arrived_at as arrived_at,
        _load_sequence as load_sequence,
        _source_row as source_row
    from {{ source('crm', 'contacts') }}
    where _arrived_at <= {{ as_of() }}
),

deleted as (
    select record_id
    from latest_leads
    where is_deleted

    union all

    select record_id
    from latest_contacts
    where is_deleted
),

-- of several versions of one save, the one that arrived last
saved as (
    select versions.*
    from versions
    left join deleted
        on versions.record_id = deleted.record_id
    where deleted.record_id is null
    qualify row_number() over (
            partition by versions.record_id, versions.saved_at
            order by versions.arrived_at desc, versions.load_sequence desc, versions.source_row desc
        ) = 1
),

compared as (
    select
        *,
        lag(status) over (partition by record_id order by saved_at) as status_before,
        row_number() over (partition by record_id order by saved_at) as save_number
    from saved
),

-- what the history says was there before its first change
first_changes as (
    select
        source_system,
        lower(object_type) as object_type,
        object_id,
        changed_at as first_changed_at,
        {{ blank_to_null('old_value') }} as first_value
    from status_history
    where lower(field) = 'status'
    qualify row_number() over (
            partition by source_system, lower(object_type), object_id order by changed_at, record_id
        ) = 1
),

-- a history tells every move but the first word, the one that the object was created with
born as (
    select
        compared.source_system,
        compared.object_type,
        compared.object_id,
        compared.record_id,
        compared.source_table,
        coalesce(
            first_changes.first_value,
            case when compared.saved_at < first_changes.first_changed_at then compared.status end
        ) as status,
        least(compared.created_at, first_changes.first_changed_at) as occurred_at,
        compared.is_date_only
    from compared
    inner join first_changes
        on
            compared.source_system = first_changes.source_system
            and compared.object_type = first_changes.object_type
            and compared.object_id = first_changes.object_id
    where compared.save_number = 1
),

-- a system without a history shows a move where a later save says another word
shown as (
    select
        compared.source_system,
        compared.object_type,
        compared.object_id,
        compared.record_id,
        compared.source_table,
        compared.status,
        compared.saved_at as occurred_at,
        compared.is_date_only
    from compared
    left join first_changes
        on
            compared.source_system = first_changes.source_system
            and compared.object_type = first_changes.object_type
            and compared.object_id = first_changes.object_id
    where
        first_changes.object_id is null
        and (compared.save_number = 1 or compared.status is distinct from compared.status_before)
)

select * from born
where status is not null

union all

select * from shown
where status is not null
