with

identifier_guards as (
    select * from {{ ref('int_identity__identifier_guards') }}
),

guard_moments as (
    select * from {{ ref('int_identity__guard_moments') }}
),

guard_reasons as (
    select * from {{ ref('guard_reasons') }}
),

identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

cluster_records as (
    select * from {{ ref('int_identity__cluster_records') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

holders as (
    select
        identifiers.identifier_type,
        identifiers.identifier_value,
        count(distinct cluster_records.cluster_id) as cluster_count,
        count(distinct record_persons.person_id) as person_count
    from identifiers
    inner join cluster_records
        on identifiers.record_id = cluster_records.record_id
    inner join record_persons
        on identifiers.record_id = record_persons.record_id
    where not identifiers.is_usable
    group by identifiers.identifier_type, identifiers.identifier_value
)

select
    {{ md5_text(['identifier_guards.identifier_type', 'identifier_guards.identifier_value']) }} as identifier_id,
    identifier_guards.identifier_type,
    identifier_guards.identifier_value,
    identifier_guards.strength,
    identifier_guards.guard_reason,
    guard_reasons.reason_en,
    guard_reasons.reason_zh,
    guard_reasons.what_to_do,
    identifier_guards.record_count,
    identifier_guards.name_count,
    identifier_guards.contact_count,
    coalesce(holders.person_count, 0) as person_count,
    -- a star: every cluster that holds it to the first of them
    greatest(coalesce(holders.cluster_count, 0) - 1, 0) as refused_link_count,
    coalesce(guard_reasons.is_evidence, false) as is_evidence,
    guard_moments.guarded_since_at,
    guard_moments.first_arrived_at
from identifier_guards
left join guard_moments
    on identifier_guards.identifier_type = guard_moments.identifier_type
        and identifier_guards.identifier_value = guard_moments.identifier_value
left join guard_reasons
    on identifier_guards.guard_reason = guard_reasons.guard_reason
left join holders
    on identifier_guards.identifier_type = holders.identifier_type
        and identifier_guards.identifier_value = holders.identifier_value
where not identifier_guards.is_usable
