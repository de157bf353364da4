{{ config(materialized='nightly', key='record_id') }}

with

interactions as (
    select
        _source_system as source_system,
        _load_sequence as load_sequence,
        _load_id as load_id,
        {%- for column in touch_columns() %}
            {{ blank_to_null(column) }} as {{ column }},
        {%- endfor %}
        _arrived_at as arrived_at,
        occurred_at
    from {{ source('engagement', 'interactions') }}
    where {{ is_landed_tonight() }}
),

grouped as (
    select
        source_system,
        {%- for column in touch_columns() %}
            {{ column }},
        {%- endfor %}
        min(load_sequence) as load_sequence,
        max(load_sequence) as last_load_sequence,
        min_by(load_id, load_sequence) as load_id,
        min(arrived_at) as arrived_at,
        min(occurred_at) as first_seen_at,
        max(occurred_at) as last_seen_at,
        count(*) as touch_count
    from interactions
    group by source_system, {{ touch_columns() | join(', ') }}
),

landed as (
    select
        {{ touch_key_id('source_system') }} as record_id,
        source_system,
        {%- for column in touch_columns() %}
            {{ column }},
        {%- endfor %}
        load_sequence,
        last_load_sequence,
        load_id,
        touch_count,
        arrived_at,
        first_seen_at,
        last_seen_at
    from grouped
)
{%- if is_delta() %},

known as (
    select known_keys.*
    from {{ this }} as known_keys
    inner join landed
        on known_keys.record_id = landed.record_id
),

both_parts as (
    select * from landed
    union all
    select * from known
)

select
    record_id,
    source_system,
    {%- for column in touch_columns() %}
        {{ column }},
    {%- endfor %}
    min(load_sequence) as load_sequence,
    max(last_load_sequence) as last_load_sequence,
    min_by(load_id, load_sequence) as load_id,
    cast(sum(touch_count) as bigint) as touch_count,
    min(arrived_at) as arrived_at,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at
from both_parts
group by record_id, source_system, {{ touch_columns() | join(', ') }}
{%- else -%}
select * from landed
{%- endif %}
