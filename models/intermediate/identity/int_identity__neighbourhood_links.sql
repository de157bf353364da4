{#- Everything that could join two persons of the night and does not: what they share, links that a constraint refused. -#}
with

usable_identifiers as (
    select * from {{ ref('int_identity__usable_identifiers') }}
    where {{ is_in_person_region('birth_order') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
    where {{ is_in_person_region('birth_order') }}
),

strong_edges as (
    select * from {{ ref('int_identity__strong_edges') }}
    where {{ is_in_person_region('node_a') }}
        and link_key is null
),

probable_links as (
    select * from {{ ref('int_identity__probable_links') }}
    where {{ is_in_person_region('cluster_a') }}
),

seen as (
    select
        usable_identifiers.identifier_key,
        record_persons.person_birth_order
    from usable_identifiers
    inner join record_persons
        on usable_identifiers.birth_order = record_persons.birth_order
),

straddling as (
    select
        identifier_key,
        min(person_birth_order) as first_person
    from seen
    group by identifier_key
    having min(person_birth_order) <> max(person_birth_order)
),

named_links as (
    select
        node_a,
        node_b
    from strong_edges
    union all
    select
        cluster_a as node_a,
        cluster_b as node_b
    from probable_links
)

select distinct
    seen.person_birth_order as node_a,
    straddling.first_person as node_b
from seen
inner join straddling
    on seen.identifier_key = straddling.identifier_key
where seen.person_birth_order <> straddling.first_person
union
select
    persons_a.person_birth_order as node_a,
    persons_b.person_birth_order as node_b
from named_links
inner join record_persons as persons_a
    on named_links.node_a = persons_a.birth_order
inner join record_persons as persons_b
    on named_links.node_b = persons_b.birth_order
where persons_a.person_birth_order <> persons_b.person_birth_order
