{#- The links inside the persons of today, each with the load that brought it: what the history of ids is told from.
    A link is never dated before it held, or an id that was given would lead nowhere. Strong identifiers, equal names on one weak
    identifier and devices are dated exactly; where only the names of whole clusters agree, the link is dated when both clusters
    were complete; what is left is dated when the person was. -#}
with

identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

record_names as (
    select * from {{ ref('int_identity__record_names') }}
),

strong_components as (
    select * from {{ ref('int_identity__strong_components') }}
),

strong_edges as (
    select * from {{ ref('int_identity__strong_edges') }}
),

weak_edges as (
    select * from {{ ref('int_identity__weak_edges') }}
),

device_attachments as (
    select * from {{ ref('int_identity__device_attachments') }}
),

crm_merges as (
    select * from {{ ref('int_identity__crm_merges') }}
),

grown_persons as (
    select person_id
    from record_persons
    group by person_id
    having count(*) > 1
),

shown as (
    select
        identifiers.record_id,
        record_persons.person_id,
        record_persons.birth_order,
        identifiers.identifier_type,
        identifiers.identifier_value,
        identifiers.strength,
        identifiers.load_sequence,
        identifiers.arrived_at
    from identifiers
    inner join record_persons
        on identifiers.record_id = record_persons.record_id
    inner join grown_persons
        on record_persons.person_id = grown_persons.person_id
    where identifiers.is_usable
),

-- what makes two records meet: a strong identifier, a weak one with an equal name, a device that speaks for both
meetings as (
    select
        record_id,
        person_id,
        birth_order,
        identifier_type,
        identifier_value,
        '' as shared_name,
        load_sequence,
        arrived_at
    from shown
    where strength in ('strong', 'unique')
    union all
    select
        shown.record_id,
        shown.person_id,
        shown.birth_order,
        shown.identifier_type,
        shown.identifier_value,
        record_names.name_key as shared_name,
        shown.load_sequence,
        shown.arrived_at
    from shown
    inner join record_names
        on shown.record_id = record_names.record_id
    where shown.strength in ('weak', 'device')
    union all
    select
        shown.record_id,
        shown.person_id,
        shown.birth_order,
        shown.identifier_type,
        shown.identifier_value,
        '' as shared_name,
        shown.load_sequence,
        shown.arrived_at
    from shown
    inner join device_attachments
        on shown.record_id = device_attachments.record_id
    left join record_names
        on shown.record_id = record_names.record_id
    where shown.strength = 'device'
        and record_names.record_id is null
),

seated as (
    select
        *,
        row_number() over (
            partition by person_id, identifier_type, identifier_value, shared_name
            order by load_sequence, birth_order
        ) as seat
    from meetings
),

heads as (
    select * from seated
    where seat = 1
),

-- the first known record on a device, to which the records of the device alone go
known_on_device as (
    select
        shown.person_id,
        shown.identifier_type,
        shown.identifier_value,
        shown.record_id,
        shown.load_sequence,
        shown.arrived_at
    from shown
    left join device_attachments
        on shown.record_id = device_attachments.record_id
    where shown.strength = 'device'
        and device_attachments.record_id is null
    qualify row_number() over (
            partition by shown.person_id, shown.identifier_type, shown.identifier_value
            order by shown.load_sequence, shown.birth_order
        ) = 1
),

clusters as (
    select
        record_persons.record_id,
        coalesce(strong_components.component_id, record_persons.record_id) as cluster_id
    from record_persons
    left join strong_components
        on record_persons.record_id = strong_components.node_id
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
    where strong_edges.link_rule in ('crm_merge', 'steward')
),

additions as (
    select
        clusters.cluster_id,
        shown.person_id,
        shown.load_sequence,
        shown.arrived_at
    from shown
    inner join clusters
        on shown.record_id = clusters.record_id
    union all
    select
        clusters.cluster_id,
        record_persons.person_id,
        merge_arrivals.load_sequence,
        merge_arrivals.arrived_at
    from merge_arrivals
    inner join clusters
        on merge_arrivals.node_a = clusters.record_id
    inner join record_persons
        on merge_arrivals.node_a = record_persons.record_id
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
        person_id,
        max(load_sequence) as load_sequence,
        max(arrived_at) as arrived_at
    from additions
    group by person_id
),

links as (
    select
        seated.record_id as node_a,
        heads.record_id as node_b,
        greatest(seated.load_sequence, heads.load_sequence) as load_sequence,
        greatest(seated.arrived_at, heads.arrived_at) as arrived_at,
        seated.identifier_type as because
    from seated
    inner join heads
        on seated.person_id = heads.person_id
            and seated.identifier_type = heads.identifier_type
            and seated.identifier_value = heads.identifier_value
            and seated.shared_name = heads.shared_name
    where seated.seat > 1
    union all
    select
        shown.record_id as node_a,
        known_on_device.record_id as node_b,
        greatest(shown.load_sequence, known_on_device.load_sequence) as load_sequence,
        greatest(shown.arrived_at, known_on_device.arrived_at) as arrived_at,
        shown.identifier_type as because
    from shown
    inner join device_attachments
        on shown.record_id = device_attachments.record_id
    inner join known_on_device
        on shown.person_id = known_on_device.person_id
            and shown.identifier_type = known_on_device.identifier_type
            and shown.identifier_value = known_on_device.identifier_value
    left join record_names
        on shown.record_id = record_names.record_id
    where record_names.record_id is null
    union all
    select
        weak_edges.node_a,
        weak_edges.node_b,
        greatest(complete_a.load_sequence, complete_b.load_sequence) as load_sequence,
        greatest(complete_a.arrived_at, complete_b.arrived_at) as arrived_at,
        weak_edges.link_rule as because
    from weak_edges
    inner join clusters as clusters_a
        on weak_edges.node_a = clusters_a.record_id
    inner join complete_clusters as complete_a
        on clusters_a.cluster_id = complete_a.cluster_id
    inner join clusters as clusters_b
        on weak_edges.node_b = clusters_b.record_id
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
        record_persons.record_id as node_a,
        record_persons.person_id as node_b,
        complete_persons.load_sequence,
        complete_persons.arrived_at,
        record_persons.link_rule as because
    from record_persons
    inner join complete_persons
        on record_persons.person_id = complete_persons.person_id
    where record_persons.record_id <> record_persons.person_id
)

select
    links.node_a,
    links.node_b,
    persons_a.person_id,
    persons_a.load_sequence as load_sequence_a,
    persons_b.load_sequence as load_sequence_b,
    greatest(links.load_sequence, persons_a.load_sequence, persons_b.load_sequence) as load_sequence,
    links.because,
    greatest(coalesce(links.arrived_at, persons_a.arrived_at), persons_a.arrived_at, persons_b.arrived_at) as arrived_at
from links
inner join record_persons as persons_a
    on links.node_a = persons_a.record_id
inner join record_persons as persons_b
    on links.node_b = persons_b.record_id
        and persons_a.person_id = persons_b.person_id
