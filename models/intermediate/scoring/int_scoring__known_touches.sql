{#-
    Since when an interaction counts as one of this person: it must have arrived, and where only a device speaks for it, the device must
    have been seen with the person. Without this a score of the past would count visits whose visitor nobody knew yet.
-#}
with

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
    where direction = 'inbound'
),

persons as (
    select * from {{ ref('int_identity__persons') }}
    where identified_at is not null
),

tracked as (
    select * from {{ ref('stg_engagement__interactions') }}
),

device_sightings as (
    select * from {{ ref('int_identity__device_sightings') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

arrivals as (
    {%- for model in [
        'stg_engagement__interactions', 'stg_forms__submissions', 'stg_events__registrations', 'stg_events__attendance',
        'stg_webinars__registrations', 'stg_webinars__attendance', 'stg_crm__activities',
    ] %}
        select
            record_id,
            first_arrived_at
        from {{ ref(model) }}
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

sightings as (
    select
        device_sightings.device_key,
        record_persons.person_id,
        min(record_persons.arrived_at) as sighted_at
    from device_sightings
    inner join record_persons
        on device_sightings.birth_order = record_persons.birth_order
    group by device_sightings.device_key, record_persons.person_id
),

by_device_only as (
    select
        record_id,
        {{ key_of("'anonymous_id|' || anonymous_id") }} as device_key
    from tracked
    where
        anonymous_id is not null
        and coalesce(email, phone, wechat_openid, wechat_unionid, external_id) is null
)

select
    interactions.interaction_id,
    interactions.person_id,
    interactions.occurred_at,
    interactions.is_engagement,
    greatest(
        interactions.occurred_at,
        coalesce(arrivals.first_arrived_at, interactions.occurred_at),
        case
            when by_device_only.record_id is not null then coalesce(sightings.sighted_at, persons.identified_at)
            else interactions.occurred_at
        end
    ) as known_at
from interactions
inner join persons
    on interactions.person_id = persons.person_id
left join arrivals
    on interactions.interaction_id = arrivals.record_id
left join by_device_only
    on interactions.interaction_id = by_device_only.record_id
left join sightings
    on
        interactions.person_id = sightings.person_id
        and by_device_only.device_key = sightings.device_key
