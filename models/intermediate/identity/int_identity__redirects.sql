{#- Ids that have been given and were joined to an older one. Between the lineages of a person the links are walked until an older
    lineage is met; of all walks the one whose latest link is earliest tells when the id was retired. -#}
{{ config(materialized='nightly', key='retired_birth_order', scope_key='birth_order', scope='int_identity__person_region') }}

with recursive

arrival_groups as (
    select * from {{ ref('int_identity__arrival_groups') }}
),

lineage_components as (
    select * from {{ ref('int_identity__lineage_components') }}
),

arrival_links as (
    select * from {{ ref('int_identity__arrival_links') }}
),

records as (
    select * from {{ ref('int_identity__records') }}
    where {{ is_in_person_region('birth_order') }}
),

lineages as (
    select
        arrival_groups.birth_order,
        coalesce(lineage_components.component, arrival_groups.birth_order) as lineage_id
    from arrival_groups
    left join lineage_components
        on arrival_groups.birth_order = lineage_components.node
),

births as (
    select
        lineages.lineage_id,
        arrival_groups.birth_order,
        arrival_groups.person_birth_order
    from arrival_groups
    inner join lineages
        on arrival_groups.birth_order = lineages.birth_order
    where arrival_groups.has_given_id
),

both_ways as (
    select
        from_lineages.lineage_id as from_lineage_id,
        to_lineages.lineage_id as to_lineage_id,
        arrival_links.load_sequence,
        arrival_links.because,
        arrival_links.arrived_at
    from arrival_links
    inner join lineages as from_lineages
        on arrival_links.node_a = from_lineages.birth_order
    inner join lineages as to_lineages
        on arrival_links.node_b = to_lineages.birth_order
    where from_lineages.lineage_id <> to_lineages.lineage_id
    union all
    select
        to_lineages.lineage_id as from_lineage_id,
        from_lineages.lineage_id as to_lineage_id,
        arrival_links.load_sequence,
        arrival_links.because,
        arrival_links.arrived_at
    from arrival_links
    inner join lineages as from_lineages
        on arrival_links.node_a = from_lineages.birth_order
    inner join lineages as to_lineages
        on arrival_links.node_b = to_lineages.birth_order
    where from_lineages.lineage_id <> to_lineages.lineage_id
),

-- the earliest link between two lineages; of several in one load the one that arrived first
joins as (
    select
        both_ways.from_lineage_id,
        both_ways.to_lineage_id,
        to_births.birth_order as to_birth_order,
        both_ways.load_sequence,
        both_ways.because,
        both_ways.arrived_at
    from both_ways
    inner join births as to_births
        on both_ways.to_lineage_id = to_births.lineage_id
    qualify row_number() over (
            partition by both_ways.from_lineage_id, both_ways.to_lineage_id, to_births.birth_order
            order by both_ways.load_sequence, both_ways.arrived_at, both_ways.because
        ) = 1
),

walks as (
    select
        births.lineage_id,
        births.birth_order,
        joins.to_lineage_id,
        joins.load_sequence,
        joins.because,
        joins.arrived_at,
        joins.to_birth_order < births.birth_order as has_arrived
    from births
    inner join joins
        on births.lineage_id = joins.from_lineage_id
    where births.birth_order <> births.person_birth_order
    union
    select
        walks.lineage_id,
        walks.birth_order,
        joins.to_lineage_id,
        greatest(walks.load_sequence, joins.load_sequence) as load_sequence,
        case when joins.load_sequence > walks.load_sequence then joins.because else walks.because end as because,
        greatest(walks.arrived_at, joins.arrived_at) as arrived_at,
        joins.to_birth_order < walks.birth_order as has_arrived
    from walks
    inner join joins
        on walks.to_lineage_id = joins.from_lineage_id
    where not walks.has_arrived
        and joins.to_lineage_id <> walks.lineage_id
),

retired as (
    select
        lineage_id,
        load_sequence,
        because,
        arrived_at
    from walks
    where has_arrived
    qualify row_number() over (partition by lineage_id order by load_sequence, because, arrived_at) = 1
)

select
    retired_records.record_id as retired_person_id,
    person_records.record_id as person_id,
    births.birth_order as retired_birth_order,
    retired.load_sequence,
    retired.because,
    retired.arrived_at as merged_at
from births
inner join records as retired_records
    on births.birth_order = retired_records.birth_order
inner join records as person_records
    on births.person_birth_order = person_records.birth_order
left join retired
    on births.lineage_id = retired.lineage_id
where births.birth_order <> births.person_birth_order
