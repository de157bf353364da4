{#- Groups of records that arrived together, with the older record that they were linked to on arrival: none means that the
    group's first record gave its id to a new person in that load. -#}
with

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
    where {{ is_in_person_region('birth_order') }}
),

arrival_components as (
    select * from {{ ref('int_identity__arrival_components') }}
),

arrival_links as (
    select * from {{ ref('int_identity__arrival_links') }}
),

grown_persons as (
    select distinct person_birth_order
    from arrival_links
),

groups as (
    select
        record_persons.birth_order,
        record_persons.person_birth_order,
        record_persons.load_sequence,
        coalesce(arrival_components.component, record_persons.birth_order) as group_id
    from record_persons
    inner join grown_persons
        on record_persons.person_birth_order = grown_persons.person_birth_order
    left join arrival_components
        on record_persons.birth_order = arrival_components.node
),

linked_on_arrival as (
    select
        groups.group_id,
        arrival_links.node_b as older_birth_order
    from arrival_links
    inner join groups
        on arrival_links.node_a = groups.birth_order
    where arrival_links.load_sequence = arrival_links.load_sequence_a
        and arrival_links.load_sequence_b < arrival_links.load_sequence_a
        and arrival_links.because <> 'steward'
    union all
    select
        groups.group_id,
        arrival_links.node_a as older_birth_order
    from arrival_links
    inner join groups
        on arrival_links.node_b = groups.birth_order
    where arrival_links.load_sequence = arrival_links.load_sequence_b
        and arrival_links.load_sequence_a < arrival_links.load_sequence_b
        and arrival_links.because <> 'steward'
),

parents as (
    select
        group_id,
        min(older_birth_order) as older_birth_order
    from linked_on_arrival
    group by group_id
),

firsts as (
    select
        group_id,
        min(birth_order) as first_birth_order
    from groups
    group by group_id
)

select
    groups.birth_order,
    groups.person_birth_order,
    groups.group_id,
    firsts.first_birth_order,
    parents.older_birth_order,
    groups.birth_order = firsts.first_birth_order and parents.older_birth_order is null as has_given_id
from groups
inner join firsts
    on groups.group_id = firsts.group_id
left join parents
    on groups.group_id = parents.group_id
