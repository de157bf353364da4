{{ config(materialized='nightly', key='record_id') }}

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
    where {{ is_landed_tonight() }}
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
    where {{ is_landed_tonight() }}
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
    where {{ is_landed_tonight() }}
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
    where {{ is_landed_tonight() }}
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
    where {{ is_landed_tonight() }}
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

named as (
    select
        source_system,
        object_type,
        {{ blank_to_null('object_id') }} as object_id,
        load_id,
        load_sequence,
        load_sequence as last_load_sequence,
        arrived_at,
        observed_at
    from mentions
    where {{ blank_to_null('object_id') }} is not null
),

named_objects as (
    select distinct
        source_system,
        object_type,
        object_id
    from named
),

known_objects as (
    select
        known.source_system,
        known.object_type,
        known.object_id,
        known.load_id,
        known.load_sequence,
        known.last_load_sequence,
        known.arrived_at,
        known.observed_at
    from {{ last_night('int_identity__crm_references', crm_reference_columns()) }} as known
    inner join named_objects
        on known.source_system = named_objects.source_system
            and known.object_type = named_objects.object_type
            and known.object_id = named_objects.object_id
),

all_mentions as (
    select * from named
    union all
    select * from known_objects
),

grouped as (
    select
        source_system,
        object_type,
        object_id,
        min_by(load_id, load_sequence) as load_id,
        min(load_sequence) as load_sequence,
        max(last_load_sequence) as last_load_sequence,
        min(arrived_at) as arrived_at,
        min(observed_at) as observed_at
    from all_mentions
    group by source_system, object_type, object_id
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
    load_id,
    load_sequence,
    last_load_sequence,
    arrived_at,
    observed_at
from grouped
