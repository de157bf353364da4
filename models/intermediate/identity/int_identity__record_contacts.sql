{#- Values of the types that allow one per person, after the CRM's own merges. -#}
{{ config(materialized='nightly', key='birth_order', scope='int_identity__changed_records') }}

with

identifier_sightings as (
    select * from {{ ref('int_identity__identifier_sightings') }}
    where {{ is_changed('birth_order') }}
),

identifier_rules as (
    select * from {{ ref('identifier_rules') }}
),

crm_merges as (
    select * from {{ ref('int_identity__crm_merges') }}
),

limited as (
    select
        identifier_sightings.birth_order,
        identifier_sightings.identifier_type,
        split_part(identifier_sightings.identifier_value, '|', 1) as source_system,
        identifier_sightings.identifier_value
    from identifier_sightings
    inner join identifier_rules
        on identifier_sightings.identifier_type = identifier_rules.identifier_type
    where identifier_rules.max_per_person = 1
),

live as (
    select
        limited.birth_order,
        limited.identifier_type || '|' || limited.source_system as namespace,
        coalesce(crm_merges.source_system || '|' || crm_merges.winner_id, limited.identifier_value) as value
    from limited
    left join crm_merges
        on limited.identifier_type = 'crm_' || crm_merges.object_type
            and limited.source_system = crm_merges.source_system
            and limited.identifier_value = crm_merges.source_system || '|' || crm_merges.loser_id
)

select distinct
    birth_order,
    namespace,
    value
from live
