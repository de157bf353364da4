{#- Every record that can identify somebody, numbered in the order of loading. A number once given never changes. -#}
{{ config(materialized='nightly', key='birth_order') }}

with

touch_keys as (
    select * from {{ ref('int_identity__touch_keys') }}
),

crm_references as (
    select * from {{ ref('int_identity__crm_references') }}
),

night as (
    select * from {{ ref('int_identity__night') }}
),

sightings as (
    {%- for person_table in person_tables() %}
        select
            _record_id as record_id,
            '{{ person_table.source }}.{{ person_table.table }}' as source_table,
            _source_system as source_system,
            _record_key as record_key,
            _load_sequence as load_sequence,
            _load_sequence as last_load_sequence,
            _load_id as load_id,
            _arrived_at as arrived_at,
            {{ person_table.event_time }} as observed_at,
            true as is_own
        from {{ source(person_table.source, person_table.table) }}
        where {{ is_landed_tonight() }}
        union all
    {%- endfor %}
    select
        touch_keys.record_id,
        'engagement.interactions' as source_table,
        touch_keys.source_system,
        touch_keys.record_id as record_key,
        touch_keys.load_sequence,
        touch_keys.last_load_sequence,
        touch_keys.load_id,
        touch_keys.arrived_at,
        touch_keys.first_seen_at as observed_at,
        true as is_own
    from touch_keys
    inner join night
        on touch_keys.last_load_sequence > night.since_load_sequence
    union all
    select
        crm_references.record_id,
        crm_references.source_table,
        crm_references.source_system,
        crm_references.record_key,
        crm_references.load_sequence,
        crm_references.last_load_sequence,
        crm_references.load_id,
        crm_references.arrived_at,
        crm_references.observed_at,
        false as is_own
    from crm_references
    inner join night
        on crm_references.last_load_sequence > night.since_load_sequence
),

last_records as (
    select * from {{ last_night('int_identity__records', record_columns()) }}
),

known as (
    select *
    from last_records
    where record_id in (select sightings.record_id from sightings)
),

numbered_before as (
    select coalesce(max(birth_order), 0) as birth_order
    from last_records
),

all_sightings as (
    select
        record_id,
        source_table,
        source_system,
        record_key,
        load_id,
        load_sequence,
        last_load_sequence,
        cast(null as bigint) as birth_order,
        is_own,
        arrived_at,
        observed_at
    from sightings
    union all
    select
        record_id,
        source_table,
        source_system,
        record_key,
        load_id,
        load_sequence,
        last_load_sequence,
        birth_order,
        has_own_row as is_own,
        arrived_at,
        observed_at
    from known
),

-- a record id stands for one table, system and key, so any of them will do
grouped as (
    select
        record_id,
        any_value(source_table) as source_table,
        any_value(source_system) as source_system,
        any_value(record_key) as record_key,
        min_by(load_id, load_sequence) as load_id,
        min(load_sequence) as load_sequence,
        max(last_load_sequence) as last_load_sequence,
        max(birth_order) as birth_order,
        bool_or(is_own) as has_own_row,
        min(arrived_at) as arrived_at,
        coalesce(
            min(observed_at) filter (where is_own),
            min(observed_at)
        ) as observed_at
    from all_sightings
    group by record_id
)

-- those without a number come first in the window, so that their places count from one
select
    grouped.record_id,
    grouped.source_table,
    grouped.source_system,
    grouped.record_key,
    grouped.load_id,
    grouped.load_sequence,
    grouped.last_load_sequence,
    coalesce(
        grouped.birth_order,
        numbered_before.birth_order + row_number() over (
            order by
                grouped.birth_order asc nulls first, grouped.load_sequence asc, grouped.source_table asc, grouped.source_system asc,
                grouped.record_key asc
        )
    ) as birth_order,
    grouped.has_own_row,
    grouped.arrived_at,
    grouped.observed_at
from grouped
cross join numbered_before
