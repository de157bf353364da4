{#- Records that only a device speaks for: whose are they? A device attaches to the identity that it has shown; of several, a touch
    key stays with the one that was loaded first (so that ids stand still when a second person uses the device) and any other
    record goes to the one nearest in time. Its single touches are told apart in int_identity__interaction_persons. -#}
{{ config(materialized='nightly', key='birth_order', scope='int_identity__person_region') }}

with

usable_identifiers as (
    select * from {{ ref('int_identity__usable_identifiers') }}
    where {{ is_in_person_region('birth_order') }}
),

records as (
    select * from {{ ref('int_identity__records') }}
    where {{ is_in_person_region('birth_order') }}
),

person_clusters as (
    select * from {{ ref('int_identity__person_clusters') }}
),

record_names as (
    select * from {{ ref('int_identity__record_names') }}
    where {{ is_in_person_region('birth_order') }}
),

device_sightings as (
    select * from {{ ref('int_identity__device_sightings') }}
    where {{ is_in_person_region('birth_order') }}
),

device_records as (
    select
        birth_order,
        min(identifier_key) as device_key
    from usable_identifiers
    group by birth_order
    having bool_and(strength = 'device')
),

names as (
    select
        birth_order,
        min(name_id) as name_id
    from record_names
    group by birth_order
),

anonymous_records as (
    select
        device_records.birth_order,
        device_records.device_key,
        records.source_table,
        records.observed_at,
        names.name_id
    from device_records
    inner join records
        on device_records.birth_order = records.birth_order
    left join names
        on device_records.birth_order = names.birth_order
),

identities as (
    select
        device_key,
        person_cluster,
        min(birth_order) as birth_order
    from device_sightings
    group by device_key, person_cluster
),

identity_counts as (
    select
        device_key,
        count(*) as identity_count,
        min_by(person_cluster, birth_order) as first_cluster
    from identities
    group by device_key
),

touch_attachments as (
    select
        anonymous_records.birth_order,
        identity_counts.first_cluster as person_cluster
    from anonymous_records
    inner join identity_counts
        on anonymous_records.device_key = identity_counts.device_key
    where anonymous_records.source_table = 'engagement.interactions'
),

sighted_clusters as (
    select distinct person_cluster
    from identities
),

clusters_names as (
    select distinct
        person_clusters.person_cluster,
        record_names.name_id
    from person_clusters
    inner join sighted_clusters
        on person_clusters.person_cluster = sighted_clusters.person_cluster
    inner join record_names
        on person_clusters.birth_order = record_names.birth_order
),

named_clusters as (
    select distinct person_cluster from clusters_names
),

other_attachments as (
    select
        anonymous_records.birth_order,
        device_sightings.person_cluster
    from anonymous_records
    inner join device_sightings
        on anonymous_records.device_key = device_sightings.device_key
    left join clusters_names
        on device_sightings.person_cluster = clusters_names.person_cluster
            and anonymous_records.name_id = clusters_names.name_id
    left join named_clusters
        on device_sightings.person_cluster = named_clusters.person_cluster
    inner join identity_counts
        on device_sightings.device_key = identity_counts.device_key
    where anonymous_records.source_table <> 'engagement.interactions'
        and (
            anonymous_records.name_id is null
            or clusters_names.name_id is not null
            -- who has shown no name may be the one who has, while nobody else uses the device
            or (named_clusters.person_cluster is null and identity_counts.identity_count = 1)
        )
    qualify row_number() over (
            partition by anonymous_records.birth_order
            order by
                abs({{ epoch_seconds('device_sightings.observed_at') }} - {{ epoch_seconds('anonymous_records.observed_at') }}),
                device_sightings.birth_order
        ) = 1
),

attached as (
    select * from touch_attachments
    union all
    select * from other_attachments
),

left_over as (
    select anonymous_records.*
    from anonymous_records
    left join attached
        on anonymous_records.birth_order = attached.birth_order
    where attached.birth_order is null
),

-- nobody known: the device itself is the person; a name on it counts while it is the only one
device_names as (
    select
        device_key,
        count(distinct name_id) as name_count,
        min(name_id) as only_name_id
    from left_over
    group by device_key
),

named_left_over as (
    select
        left_over.birth_order,
        left_over.device_key,
        coalesce(left_over.name_id, case when device_names.name_count = 1 then device_names.only_name_id end) as name_id
    from left_over
    inner join device_names
        on left_over.device_key = device_names.device_key
),

device_persons as (
    select
        birth_order,
        min(birth_order) over (partition by device_key, name_id) as person_cluster
    from named_left_over
)

select
    birth_order,
    person_cluster,
    'device' as link_rule
from attached
union all
select
    birth_order,
    person_cluster,
    'same_device' as link_rule
from device_persons
