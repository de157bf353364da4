with

merge_rows as (
    select
        _source_system as source_system,
        object_type,
        loser_id,
        winner_id,
        merged_at,
        _load_sequence as load_sequence,
        _load_id as load_id,
        _arrived_at as arrived_at
    from {{ source('crm', 'merges') }}
    where _arrived_at <= {{ as_of() }}
        and object_type in ('lead', 'contact')
),

mentions as (
    select
        _source_system as source_system,
        'contact' as object_type,
        converted_contact_id as object_id,
        updated_at as observed_at,
        _load_sequence as load_sequence,
        _load_id as load_id,
        _arrived_at as arrived_at
    from {{ source('crm', 'leads') }}
    where _arrived_at <= {{ as_of() }}
    union all
    select
        _source_system as source_system,
        'contact' as object_type,
        contact_id as object_id,
        created_at as observed_at,
        _load_sequence as load_sequence,
        _load_id as load_id,
        _arrived_at as arrived_at
    from {{ source('crm', 'opportunities') }}
    where _arrived_at <= {{ as_of() }}
    union all
    select
        _source_system as source_system,
        'contact' as object_type,
        contact_id as object_id,
        added_at as observed_at,
        _load_sequence as load_sequence,
        _load_id as load_id,
        _arrived_at as arrived_at
    from {{ source('crm', 'opportunity_contacts') }}
    where _arrived_at <= {{ as_of() }}
    union all
    select
        _source_system as source_system,
        'contact' as object_type,
        contact_id as object_id,
        ordered_at as observed_at,
        _load_sequence as load_sequence,
        _load_id as load_id,
        _arrived_at as arrived_at
    from {{ source('crm', 'orders') }}
    where _arrived_at <= {{ as_of() }}
    union all
    select
        source_system,
        object_type,
        loser_id as object_id,
        merged_at as observed_at,
        load_sequence,
        load_id,
        arrived_at
    from merge_rows
    union all
    select
        source_system,
        object_type,
        winner_id as object_id,
        merged_at as observed_at,
        load_sequence,
        load_id,
        arrived_at
    from merge_rows
),

grouped as (
    select
        source_system,
        object_type,
        {{ blank_to_null('object_id') }} as object_id,
        min(observed_at) as observed_at,
        min(load_sequence) as load_sequence,
        min_by(load_id, load_sequence) as load_id,
        min(arrived_at) as arrived_at
    from mentions
    where {{ blank_to_null('object_id') }} is not null
    group by source_system, object_type, {{ blank_to_null('object_id') }}
)

select
    case object_type
        when 'lead' then {{ record_id('crm.leads', 'source_system', single_key('object_id')) }}
        else {{ record_id('crm.contacts', 'source_system', single_key('object_id')) }}
    end as record_id,
    case object_type when 'lead' then 'crm.leads' else 'crm.contacts' end as source_table,
    source_system,
    {{ single_key('object_id') }} as record_key,
    object_type,
    object_id,
    load_sequence,
    load_id,
    arrived_at,
    observed_at
from grouped
