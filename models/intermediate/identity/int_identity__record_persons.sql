with

records as (
    select * from {{ ref('int_identity__records') }}
),

components as (
    select * from {{ ref('int_identity__components') }}
),

device_attachments as (
    select * from {{ ref('int_identity__device_attachments') }}
),

strong_edges as (
    select * from {{ ref('int_identity__strong_edges') }}
),

weak_edges as (
    select * from {{ ref('int_identity__weak_edges') }}
),

clusters as (
    select
        records.*,
        coalesce(device_attachments.cluster_id, components.component_id, records.record_id) as cluster_id,
        device_attachments.link_rule as device_rule
    from records
    left join components
        on records.record_id = components.node_id
    left join device_attachments
        on records.record_id = device_attachments.record_id
),

edges as (
    select
        node_a as record_id,
        trust_rank,
        link_rule
    from strong_edges
    union all
    select
        node_b as record_id,
        trust_rank,
        link_rule
    from strong_edges
    union all
    select
        node_a as record_id,
        trust_rank,
        link_rule
    from weak_edges
    union all
    select
        node_b as record_id,
        trust_rank,
        link_rule
    from weak_edges
),

best_rules as (
    select
        record_id,
        min_by(link_rule, trust_rank || link_rule) as link_rule
    from edges
    group by record_id
),

persons as (
    select
        cluster_id,
        min_by(record_id, birth_order) as person_id,
        count(*) as record_count
    from clusters
    group by cluster_id
)

select
    clusters.record_id,
    persons.person_id,
    clusters.source_table,
    clusters.source_system,
    clusters.record_key,
    clusters.load_sequence,
    clusters.load_id,
    clusters.birth_order,
    case
        when persons.record_count = 1 then 'alone'
        else coalesce(clusters.device_rule, best_rules.link_rule, 'alone')
    end as link_rule,
    clusters.has_own_row,
    clusters.arrived_at,
    clusters.observed_at
from clusters
inner join persons
    on clusters.cluster_id = persons.cluster_id
left join best_rules
    on clusters.record_id = best_rules.record_id
