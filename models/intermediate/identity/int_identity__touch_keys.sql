{{ config(materialized='nightly', key='record_id') }}

with

interactions as (
    select
        _source_system as source_system,
        {%- for column in touch_columns() %}
            {{ blank_to_null(column) }} as {{ column }},
        {%- endfor %}
        _load_id as load_id,
        _load_sequence as load_sequence,
        _load_sequence as last_load_sequence,
        1 as touch_count,
        _arrived_at as arrived_at,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at
    from {{ source('engagement', 'interactions') }}
    where {{ is_landed_tonight() }}
),

landed_keys as (
    select distinct
        source_system,
        {{ touch_columns() | join(',\n        ') }}
    from interactions
),

landed_ids as (
    select {{ touch_key_id('source_system') }} as record_id
    from landed_keys
),

known_keys as (
    select known.*
    from {{ last_night('int_identity__touch_keys', touch_key_columns()) }} as known
    inner join landed_ids
        on known.record_id = landed_ids.record_id
),

touches as (
    select * from interactions
    union all
    select
        source_system,
        {%- for column in touch_columns() %}
            {{ column }},
        {%- endfor %}
        load_id,
        load_sequence,
        last_load_sequence,
        touch_count,
        arrived_at,
        first_seen_at,
        last_seen_at
    from known_keys
),

grouped as (
    select
        source_system,
        {%- for column in touch_columns() %}
            {{ column }},
        {%- endfor %}
        min_by(load_id, load_sequence) as load_id,
        min(load_sequence) as load_sequence,
        max(last_load_sequence) as last_load_sequence,
        cast(sum(touch_count) as bigint) as touch_count,
        min(arrived_at) as arrived_at,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from touches
    group by source_system, {{ touch_columns() | join(', ') }}
)

select
    {{ touch_key_id('source_system') }} as record_id,
    *
from grouped
