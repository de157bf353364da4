{#- The links inside the persons of tonight, each with the load that brought it: what the history of ids is told from.
    A link is never dated before it held, or an id that was given would lead nowhere. Strong identifiers, equal names on one weak
    identifier and devices are dated exactly; where only the names of whole clusters agree, the link is dated when both clusters
    were complete; what is left is dated when the person was. A person of whom one load brought everything has never had a second id,
    unless a steward joined its records later. -#}
with

usable_identifiers as (
    select * from {{ ref('int_identity__usable_identifiers') }}
    where {{ is_in_person_region('birth_order') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
    where {{ is_in_person_region('birth_order') }}
),

records as (
    select * from {{ ref('int_identity__records') }}
    where {{ is_in_person_region('birth_order') }}
),

record_names as (
    select * from {{ ref('int_identity__record_names') }}
    where {{ is_in_person_region('birth_order') }}
),

person_clusters as (
    select * from {{ ref('int_identity__person_clusters') }}
),

strong_edges as (
    select * from {{ ref('int_identity__strong_edges') }}
    where {{ is_in_person_region('node_a') }}
        and link_rule in ('crm_merge', 'steward')
),

weak_edges as (
    select * from {{ ref('int_identity__weak_edges') }}
    where {{ is_in_person_region('node_a') }}
),

device_attachments as (
    select * from {{ ref('int_identity__device_attachments') }}
    where {{ is_in_person_region('birth_order') }}
),

crm_merges as (
    select * from {{ ref('int_identity__crm_merges') }}
),

grown_persons as (
    select record_persons.person_birth_order
    from record_persons
    inner join records
        on record_persons.birth_order = records.birth_order
    group by record_persons.person_birth_order
    having count(*) > 1
        and min(records.load_sequence) < max(records.last_load_sequence)
    union
    select record_persons.person_birth_order
    from record_persons
    inner join strong_edges
        on record_persons.birth_order = strong_edges.node_a
    where strong_edges.link_rule = 'steward'
),

members as (
    select
        record_persons.birth_order,
        record_persons.person_birth_order,
        record_persons.load_sequence,
        record_persons.link_rule,
        record_persons.arrived_at
    from record_persons
    inner join grown_persons
        on record_persons.person_birth_order = grown_persons.person_birth_order
),

shown as (
    select
        members.birth_order,
        members.person_birth_order,
        usable_identifiers.identifier_key,
        usable_identifiers.identifier_type,
        usable_identifiers.strength,
        usable_identifiers.load_sequence,
        usable_identifiers.arrived_at
    from usable_identifiers
    inner join members
        on usable_identifiers.birth_order = members.birth_order
),

-- what makes two records meet: a strong identifier, a weak one with an equal name, a device that speaks for both
meetings as (
    select
        birth_order,
        person_birth_order,
        identifier_key,
        identifier_type,
        cast(0 as bigint) as shared_name,
        load_sequence,
        arrived_at
    from shown
    where strength in ('strong', 'unique')
    union all
    select
        shown.birth_order,
        shown.person_birth_order,
        shown.identifier_key,
        shown.identifier_type,
        record_names.name_id as shared_name,
        shown.load_sequence,
        shown.arrived_at
    from shown
    inner join record_names
        on shown.birth_order = record_names.birth_order
    where shown.strength in ('weak', 'device')
    union all
    select
        shown.birth_order,
        shown.person_birth_order,
        shown.identifier_key,
        shown.identifier_type,
        cast(0 as bigint) as shared_name,
        shown.load_sequence,
        shown.arrived_at
    from shown
    inner join device_attachments
        on shown.birth_order = device_attachments.birth_order
    left join record_names
        on shown.birth_order = record_names.birth_order
    where shown.strength = 'device'
        and record_names.birth_order is null
),

heads as (
    select
        person_birth_order,
        identifier_key,
        shared_name,
        min({{ arrival_order('load_sequence', 'birth_order') }}) as first_arrival,
        min_by(arrived_at, {{ arrival_order('load_sequence', 'birth_order') }}) as arrived_at
    from meetings
    group by person_birth_order, identifier_key, shared_name
    having count(*) > 1
),

-- the first known record on a device, to which the records of the device alone go
known_on_device as (
    select
        shown.person_birth_order,
        shown.identifier_key,
        min({{ arrival_order('shown.load_sequence', 'shown.birth_order') }}) as first_arrival,
        min_by(shown.arrived_at, {{ arrival_order('shown.load_sequence', 'shown.birth_order') }}) as arrived_at
    from shown
    left join device_attachments
        on shown.birth_order = device_attachments.birth_order
    where shown.strength = 'device'
        and device_attachments.birth_order is null
    group by shown.person_birth_order, shown.identifier_key
),

clusters as (
    select
        person_clusters.birth_order,
        person_clusters.strong_cluster_id as cluster_id
    from person_clusters
    inner join members
        on person_clusters.birth_order = members.birth_order
),

merge_arrivals as (
    select
        strong_edges.node_a,
        strong_edges.node_b,
        strong_edges.link_rule,
        strong_edges.load_sequence,
        case when strong_edges.link_rule = 'crm_merge' then crm_merges.arrived_at end as arrived_at
    from strong_edges
    left join crm_merges
        on strong_edges.link_value = crm_merges.loser_id
            and strong_edges.load_sequence = crm_merges.load_sequence
),

additions as (
    select
        clusters.cluster_id,
        shown.person_birth_order,
        shown.load_sequence,
        shown.arrived_at
    from shown
    inner join clusters
        on shown.birth_order = clusters.birth_order
    union all
    select
        clusters.cluster_id,
        members.person_birth_order,
        merge_arrivals.load_sequence,
        merge_arrivals.arrived_at
    from merge_arrivals
    inner join clusters
        on merge_arrivals.node_a = clusters.birth_order
    inner join members
        on merge_arrivals.node_a = members.birth_order
),

complete_clusters as (
    select
        cluster_id,
        max(load_sequence) as load_sequence,
        max(arrived_at) as arrived_at
    from additions
    group by cluster_id
),

complete_persons as (
    select
        person_birth_order,
        max(load_sequence) as load_sequence,
        max(arrived_at) as arrived_at
    from additions
    group by person_birth_order
),

links as (
    select
        meetings.birth_order as node_a,
        {{ birth_order_of('heads.first_arrival') }} as node_b,
        meetings.load_sequence,
        greatest(meetings.arrived_at, heads.arrived_at) as arrived_at,
        meetings.identifier_type as because
    from meetings
    inner join heads
        on meetings.person_birth_order = heads.person_birth_order
            and meetings.identifier_key = heads.identifier_key
            and meetings.shared_name = heads.shared_name
    where meetings.birth_order <> {{ birth_order_of('heads.first_arrival') }}
    union all
    select
        shown.birth_order as node_a,
        {{ birth_order_of('known_on_device.first_arrival') }} as node_b,
        greatest(shown.load_sequence, {{ load_sequence_of('known_on_device.first_arrival') }}) as load_sequence,
        greatest(shown.arrived_at, known_on_device.arrived_at) as arrived_at,
        shown.identifier_type as because
    from shown
    inner join device_attachments
        on shown.birth_order = device_attachments.birth_order
    inner join known_on_device
        on shown.person_birth_order = known_on_device.person_birth_order
            and shown.identifier_key = known_on_device.identifier_key
    left join record_names
        on shown.birth_order = record_names.birth_order
    where record_names.birth_order is null
    union all
    select
        weak_edges.node_a,
        weak_edges.node_b,
        greatest(complete_a.load_sequence, complete_b.load_sequence) as load_sequence,
        greatest(complete_a.arrived_at, complete_b.arrived_at) as arrived_at,
        weak_edges.link_rule as because
    from weak_edges
    inner join clusters as clusters_a
        on weak_edges.node_a = clusters_a.birth_order
    inner join complete_clusters as complete_a
        on clusters_a.cluster_id = complete_a.cluster_id
    inner join clusters as clusters_b
        on weak_edges.node_b = clusters_b.birth_order
    inner join complete_clusters as complete_b
        on clusters_b.cluster_id = complete_b.cluster_id
    union all
    select
        node_a,
        node_b,
        load_sequence,
        arrived_at,
        link_rule as because
    from merge_arrivals
    union all
    select
        members.birth_order as node_a,
        members.person_birth_order as node_b,
        complete_persons.load_sequence,
        complete_persons.arrived_at,
        members.link_rule as because
    from members
    inner join complete_persons
        on members.person_birth_order = complete_persons.person_birth_order
    where members.birth_order <> members.person_birth_order
)

select
    links.node_a,
    links.node_b,
    members_a.person_birth_order,
    members_a.load_sequence as load_sequence_a,
    members_b.load_sequence as load_sequence_b,
    greatest(links.load_sequence, members_a.load_sequence, members_b.load_sequence) as load_sequence,
    links.because,
    greatest(coalesce(links.arrived_at, members_a.arrived_at), members_a.arrived_at, members_b.arrived_at) as arrived_at
from links
inner join members as members_a
    on links.node_a = members_a.birth_order
inner join members as members_b
    on links.node_b = members_b.birth_order
        and members_a.person_birth_order = members_b.person_birth_order
