{#- The links inside the persons of today, each with the load that brought it: what the history of ids is told from. -#}
with

identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

strong_edges as (
    select * from {{ ref('int_identity__strong_edges') }}
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

members as (
    select
        identifiers.record_id,
        record_persons.person_id,
        identifiers.identifier_type,
        identifiers.identifier_value,
        identifiers.load_sequence,
        identifiers.load_id,
        identifiers.arrived_at,
        row_number() over (
            partition by record_persons.person_id, identifiers.identifier_type, identifiers.identifier_value
            order by identifiers.load_sequence, record_persons.birth_order
        ) as seat
    from identifiers
    inner join record_persons
        on identifiers.record_id = record_persons.record_id
    inner join grown_persons
        on record_persons.person_id = grown_persons.person_id
    where identifiers.is_usable
),

heads as (
    select * from members
    where seat = 1
),

links as (
    select
        members.record_id as node_a,
        heads.record_id as node_b,
        members.load_sequence,
        members.arrived_at,
        members.identifier_type as because
    from members
    inner join heads
        on members.person_id = heads.person_id
            and members.identifier_type = heads.identifier_type
            and members.identifier_value = heads.identifier_value
    where members.seat > 1
    union all
    select
        strong_edges.node_a,
        strong_edges.node_b,
        strong_edges.load_sequence,
        crm_merges.arrived_at,
        strong_edges.link_rule as because
    from strong_edges
    left join crm_merges
        on strong_edges.link_rule = 'crm_merge'
            and strong_edges.link_value = crm_merges.loser_id
            and strong_edges.load_sequence = crm_merges.load_sequence
    where strong_edges.link_rule in ('crm_merge', 'steward')
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
