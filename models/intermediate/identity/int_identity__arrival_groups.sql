{#- Groups of records that arrived together, with the older record that they were linked to on arrival: none means that the
    group's first record gave its id to a new person in that load. -#}
with

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

arrival_components as (
    select * from {{ ref('int_identity__arrival_components') }}
),

arrival_links as (
    select * from {{ ref('int_identity__arrival_links') }}
),

groups as (
    select
        record_persons.record_id,
        record_persons.person_id,
        record_persons.birth_order,
        record_persons.load_sequence,
        coalesce(arrival_components.component_id, record_persons.record_id) as group_id
    from record_persons
    left join arrival_components
        on record_persons.record_id = arrival_components.node_id
),

linked_on_arrival as (
    select
        groups.group_id,
        arrival_links.node_b as older_record_id
    from arrival_links
    inner join groups
        on arrival_links.node_a = groups.record_id
    where arrival_links.load_sequence = arrival_links.load_sequence_a
        and arrival_links.load_sequence_b < arrival_links.load_sequence_a
    union all
    select
        groups.group_id,
        arrival_links.node_a as older_record_id
    from arrival_links
    inner join groups
        on arrival_links.node_b = groups.record_id
    where arrival_links.load_sequence = arrival_links.load_sequence_b
        and arrival_links.load_sequence_a < arrival_links.load_sequence_b
),

parents as (
    select
        linked_on_arrival.group_id,
        min_by(linked_on_arrival.older_record_id, record_persons.birth_order) as older_record_id
    from linked_on_arrival
    inner join record_persons
        on linked_on_arrival.older_record_id = record_persons.record_id
    group by linked_on_arrival.group_id
),

firsts as (
    select
        group_id,
        min_by(record_id, birth_order) as first_record_id
    from groups
    group by group_id
)

select
    groups.record_id,
    groups.person_id,
    groups.group_id,
    firsts.first_record_id,
    parents.older_record_id,
    groups.birth_order,
    groups.record_id = firsts.first_record_id and parents.older_record_id is null as has_given_id
from groups
inner join firsts
    on groups.group_id = firsts.group_id
left join parents
    on groups.group_id = parents.group_id
