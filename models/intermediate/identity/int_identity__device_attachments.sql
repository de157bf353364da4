{#- Records that only a device speaks for: whose are they? A device attaches to the identity that it has shown; of several, a touch
    key stays with the one that was loaded first (so that ids stand still when a second person uses the device) and any other
    record goes to the one nearest in time. Its single touches are told apart in int_identity__interaction_persons. -#}
with

identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

records as (
    select * from {{ ref('int_identity__records') }}
),

components as (
    select * from {{ ref('int_identity__components') }}
),

record_names as (
    select * from {{ ref('int_identity__record_names') }}
),

device_sightings as (
    select * from {{ ref('int_identity__device_sightings') }}
),

known_records as (
    select distinct record_id
    from identifiers
    where is_usable
        and strength in ('strong', 'unique', 'weak')
),

names as (
    select
        record_id,
        min(name_key) as name_key
    from record_names
    group by record_id
),

device_records as (
    select
        identifiers.record_id,
        min(identifiers.identifier_value) as anonymous_id
    from identifiers
    where identifiers.is_usable
        and identifiers.strength = 'device'
    group by identifiers.record_id
),

anonymous_records as (
    select
        device_records.record_id,
        device_records.anonymous_id,
        records.source_table,
        records.birth_order,
        records.observed_at,
        names.name_key
    from device_records
    inner join records
        on device_records.record_id = records.record_id
    left join known_records
        on device_records.record_id = known_records.record_id
    left join names
        on device_records.record_id = names.record_id
    where known_records.record_id is null
),

clusters_names as (
    select distinct
        coalesce(components.component_id, record_names.record_id) as cluster_id,
        record_names.name_key
    from record_names
    left join components
        on record_names.record_id = components.node_id
),

identities as (
    select
        anonymous_id,
        cluster_id,
        min(load_sequence) as load_sequence,
        min(birth_order) as birth_order
    from device_sightings
    group by anonymous_id, cluster_id
),

named_clusters as (
    select distinct cluster_id from clusters_names
),

identity_counts as (
    select
        anonymous_id,
        count(*) as identity_count
    from identities
    group by anonymous_id
),

first_identities as (
    select
        anonymous_id,
        min_by(cluster_id, birth_order) as cluster_id
    from identities
    group by anonymous_id
),

touch_attachments as (
    select
        anonymous_records.record_id,
        first_identities.cluster_id
    from anonymous_records
    inner join first_identities
        on anonymous_records.anonymous_id = first_identities.anonymous_id
    where anonymous_records.source_table = 'engagement.interactions'
),

other_attachments as (
    select
        anonymous_records.record_id,
        device_sightings.cluster_id
    from anonymous_records
    inner join device_sightings
        on anonymous_records.anonymous_id = device_sightings.anonymous_id
    left join clusters_names
        on device_sightings.cluster_id = clusters_names.cluster_id
            and anonymous_records.name_key = clusters_names.name_key
    left join named_clusters
        on device_sightings.cluster_id = named_clusters.cluster_id
    inner join identity_counts
        on device_sightings.anonymous_id = identity_counts.anonymous_id
    where anonymous_records.source_table <> 'engagement.interactions'
        and (
            anonymous_records.name_key is null
            or clusters_names.name_key is not null
            -- who has shown no name may be the one who has, while nobody else uses the device
            or (named_clusters.cluster_id is null and identity_counts.identity_count = 1)
        )
    qualify row_number() over (
            partition by anonymous_records.record_id
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
        on anonymous_records.record_id = attached.record_id
    where attached.record_id is null
),

-- nobody known: the device itself is the person; a name on it counts while it is the only one
device_names as (
    select
        anonymous_id,
        count(distinct name_key) as name_count,
        min(name_key) as only_name
    from left_over
    group by anonymous_id
),

device_persons as (
    select
        left_over.record_id,
        first_value(left_over.record_id) over (
            partition by
                left_over.anonymous_id,
                coalesce(left_over.name_key, case when device_names.name_count = 1 then device_names.only_name end)
            order by left_over.birth_order
        ) as cluster_id
    from left_over
    inner join device_names
        on left_over.anonymous_id = device_names.anonymous_id
)

select
    record_id,
    cluster_id,
    'device' as link_rule
from attached
union all
select
    record_id,
    cluster_id,
    'same_device' as link_rule
from device_persons
