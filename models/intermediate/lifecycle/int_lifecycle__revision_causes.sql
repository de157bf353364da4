with

landed as (
    select * from {{ ref('int_lifecycle__landed_since') }}
),

published_night as (
    select * from {{ source('ops', 'published_night') }}
),

record_owners as (
    select * from {{ ref('int_lifecycle__landed_owners') }}
),

redirects as (
    select * from {{ ref('bridge_person_redirect') }}
),

loads as (
    select * from {{ source('ops', 'loads') }}
),

-- what happened since that night changes nothing before it; what was corrected may
landed_facts as (
    select
        record_owners.person_id,
        case
            when landed.is_deleted then 'deleted_fact'
            when landed.is_known_record then 'corrected_fact'
            else 'late_fact'
        end as cause_kind,
        case when landed.is_deleted then 0 when landed.is_known_record then 3 else 2 end as kind_order,
        landed.source_table,
        landed.record_id,
        landed.load_id,
        landed.arrived_at
    from landed
    cross join published_night
    inner join record_owners
        on landed.record_id = record_owners.record_id
    where landed.is_known_record or landed.is_deleted or landed.occurred_at <= published_night.as_of
),

load_times as (
    select
        load_id,
        min(arrived_at) as arrived_at
    from loads
    group by load_id
),

-- a redirect that began or ended with a load since then joined or parted two persons
moved_persons as (
    select
        redirects.retired_person_id,
        redirects.person_id,
        redirects.load_id,
        greatest(redirects.valid_from, coalesce(redirects.valid_to, redirects.valid_from)) as moved_at
    from redirects
    cross join published_night
    where redirects.valid_from > published_night.as_of or redirects.valid_to > published_night.as_of
),

identity_causes as (
    select
        retired_person_id as person_id,
        load_id,
        moved_at
    from moved_persons

    union

    select
        person_id,
        load_id,
        moved_at
    from moved_persons
)

select
    person_id,
    cause_kind,
    kind_order,
    source_table,
    record_id,
    load_id,
    arrived_at
from landed_facts

union all

select
    identity_causes.person_id,
    'identity' as cause_kind,
    1 as kind_order,
    cast(null as varchar) as source_table,
    cast(null as varchar) as record_id,
    identity_causes.load_id,
    coalesce(load_times.arrived_at, identity_causes.moved_at) as arrived_at
from identity_causes
left join load_times
    on identity_causes.load_id = load_times.load_id
