{{ config(materialized='nightly', key='birth_order', scope='int_identity__person_region') }}

with

records as (
    select * from {{ ref('int_identity__records') }}
    where {{ is_in_person_region('birth_order') }}
),

person_clusters as (
    select * from {{ ref('int_identity__person_clusters') }}
),

device_attachments as (
    select * from {{ ref('int_identity__device_attachments') }}
    where {{ is_in_person_region('birth_order') }}
),

strong_edges as (
    select * from {{ ref('int_identity__strong_edges') }}
    where {{ is_in_person_region('node_a') }}
),

weak_edges as (
    select * from {{ ref('int_identity__weak_edges') }}
    where {{ is_in_person_region('node_a') }}
),

edges as (
    select
        node_a,
        node_b,
        trust_rank,
        link_rule
    from strong_edges
    union all
    select
        node_a,
        node_b,
        trust_rank,
        link_rule
    from weak_edges
),

ends as (
    select
        node_a as birth_order,
        trust_rank,
        link_rule
    from edges
    union all
    select
        node_b as birth_order,
        trust_rank,
        link_rule
    from edges
),

best_rules as (
    select
        birth_order,
        min_by(link_rule, trust_rank || link_rule) as link_rule
    from ends
    group by birth_order
),

clusters as (
    select
        person_clusters.birth_order,
        person_clusters.has_probable_link,
        coalesce(device_attachments.person_cluster, person_clusters.person_cluster) as person_cluster,
        device_attachments.link_rule as device_rule
    from person_clusters
    left join device_attachments
        on person_clusters.birth_order = device_attachments.birth_order
),

persons as (
    select
        person_cluster,
        min(birth_order) as person_birth_order,
        count(*) as record_count
    from clusters
    group by person_cluster
)

select
    records.record_id,
    person_records.record_id as person_id,
    records.source_table,
    records.source_system,
    records.record_key,
    records.load_id,
    case
        when persons.record_count = 1 then 'alone'
        else coalesce(clusters.device_rule, best_rules.link_rule, case when clusters.has_probable_link then 'probable' end, 'alone')
    end as link_rule,
    records.load_sequence,
    records.birth_order,
    persons.person_birth_order,
    records.has_own_row,
    records.arrived_at,
    records.observed_at
from clusters
inner join persons
    on clusters.person_cluster = persons.person_cluster
inner join records
    on clusters.birth_order = records.birth_order
inner join records as person_records
    on persons.person_birth_order = person_records.birth_order
left join best_rules
    on clusters.birth_order = best_rules.birth_order
