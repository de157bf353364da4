with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
),

touch_keys as (
    select * from {{ ref('int_identity__touch_keys') }}
),

crm_references as (
    select * from {{ ref('int_identity__crm_references') }}
),

sightings as (
    select
        record_id,
        source_table,
        source_system,
        record_key,
        load_sequence,
        load_id,
        arrived_at,
        observed_at,
        version_number = 1 as is_own,
        is_deleted
    from record_versions
    union all
    select
        record_id,
        'engagement.interactions' as source_table,
        source_system,
        record_id as record_key,
        load_sequence,
        load_id,
        arrived_at,
        first_seen_at as observed_at,
        true as is_own,
        false as is_deleted
    from touch_keys
    union all
    select
        record_id,
        source_table,
        source_system,
        record_key,
        load_sequence,
        load_id,
        arrived_at,
        observed_at,
        false as is_own,
        false as is_deleted
    from crm_references
),

grouped as (
    select
        record_id,
        source_table,
        source_system,
        record_key,
        min(load_sequence) as load_sequence,
        min_by(load_id, load_sequence) as load_id,
        min(arrived_at) as arrived_at,
        coalesce(
            min(observed_at) filter (where is_own),
            min(observed_at)
        ) as observed_at,
        bool_or(is_own) as has_own_row
    from sightings
    group by record_id, source_table, source_system, record_key
)

select
    record_id,
    source_table,
    source_system,
    record_key,
    load_sequence,
    load_id,
    row_number() over (order by load_sequence, source_table, source_system, record_key) as birth_order,
    has_own_row,
    arrived_at,
    observed_at
from grouped
