with

interactions as (
    select
        record_id as interaction_record_id,
        source_system,
        {%- for column in touch_columns() %}
            {{ blank_to_null(column) }} as {{ column }},
        {%- endfor %}
        occurred_at
    from {{ ref('stg_engagement__interactions') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

device_attachments as (
    select * from {{ ref('int_identity__device_attachments') }}
),

device_sightings as (
    select * from {{ ref('int_identity__device_sightings') }}
),

shared_devices as (
    select device_key
    from device_sightings
    group by device_key
    having min(person_cluster) <> max(person_cluster)
),

keyed as (
    select
        interaction_record_id,
        occurred_at,
        {{ key_of("'anonymous_id|' || anonymous_id") }} as device_key,
        {{ touch_key_id('source_system') }} as touch_key_id
    from interactions
),

touches as (
    select
        keyed.interaction_record_id,
        keyed.occurred_at,
        record_persons.person_id,
        shared_devices.device_key as shared_device,
        device_attachments.birth_order is not null as is_anonymous_touch
    from keyed
    inner join record_persons
        on keyed.touch_key_id = record_persons.record_id
    left join shared_devices
        on keyed.device_key = shared_devices.device_key
    left join device_attachments
        on record_persons.birth_order = device_attachments.birth_order
),

-- who was there when: known records and known touches of the shared devices, one person per instant
moments as (
    select
        device_sightings.device_key as shared_device,
        device_sightings.observed_at as seen_at,
        record_persons.person_id
    from device_sightings
    inner join shared_devices
        on device_sightings.device_key = shared_devices.device_key
    inner join record_persons
        on device_sightings.birth_order = record_persons.birth_order
    union all
    select
        shared_device,
        occurred_at as seen_at,
        person_id
    from touches
    where shared_device is not null
        and not is_anonymous_touch
),

known_moments as (
    select
        shared_device,
        seen_at,
        min(person_id) as person_id
    from moments
    group by shared_device, seen_at
),

timeline as (
    select
        shared_device,
        seen_at as at_time,
        seen_at,
        cast(null as varchar) as interaction_record_id
    from known_moments
    union all
    select
        shared_device,
        occurred_at as at_time,
        cast(null as timestamp) as seen_at,
        interaction_record_id
    from touches
    where shared_device is not null
        and is_anonymous_touch
),

-- peers of one instant share a range frame, so a known touch of the same second counts on both sides
around as (
    select
        shared_device,
        at_time,
        interaction_record_id,
        max(seen_at) over (partition by shared_device order by at_time asc range between unbounded preceding and current row)
            as seen_before_at,
        min(seen_at) over (partition by shared_device order by at_time asc range between current row and unbounded following)
            as seen_after_at
    from timeline
),

nearest as (
    select
        shared_device,
        interaction_record_id,
        case
            when seen_before_at is null then seen_after_at
            when seen_after_at is null then seen_before_at
            when {{ epoch_seconds('at_time') }} - {{ epoch_seconds('seen_before_at') }}
                <= {{ epoch_seconds('seen_after_at') }} - {{ epoch_seconds('at_time') }} then seen_before_at
            else seen_after_at
        end as seen_at
    from around
    where interaction_record_id is not null
),

nearest_persons as (
    select
        nearest.interaction_record_id,
        known_moments.person_id
    from nearest
    inner join known_moments
        on nearest.shared_device = known_moments.shared_device
            and nearest.seen_at = known_moments.seen_at
)

select
    touches.interaction_record_id as record_id,
    coalesce(nearest_persons.person_id, touches.person_id) as person_id
from touches
left join nearest_persons
    on touches.interaction_record_id = nearest_persons.interaction_record_id
