{%- set sighted = ['identifiers.observed_at', 'identifiers.arrived_at', 'identifiers.birth_order'] -%}
with

identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

normal_emails as (
    select * from {{ ref('int_identity__normal_emails') }}
),

normal_phones as (
    select * from {{ ref('int_identity__normal_phones') }}
),

-- keyed by both columns: a join on the value alone with a condition on the type is a nested loop
traits as (
    select distinct
        'email' as identifier_type,
        email as identifier_value,
        is_corporate as is_corporate_email,
        false as is_mobile
    from normal_emails
    union all
    select distinct
        'phone' as identifier_type,
        phone as identifier_value,
        false as is_corporate_email,
        is_mobile
    from normal_phones
),

grouped as (
    select
        record_persons.person_id,
        identifiers.identifier_type,
        identifiers.identifier_value,
        min(identifiers.guard_reason) as guard_reason,
        count(*) as record_count,
        bool_and(identifiers.is_usable) as is_usable,
        coalesce(
            min(identifiers.observed_at) filter (where record_persons.has_own_row),
            min(identifiers.observed_at)
        ) as first_seen_at,
        coalesce(
            {{ first_by('identifiers.record_id', sighted) }} filter (where record_persons.has_own_row),
            {{ first_by('identifiers.record_id', sighted) }}
        ) as first_record_id,
        max(identifiers.last_observed_at) as last_seen_at
    from identifiers
    inner join record_persons
        on identifiers.record_id = record_persons.record_id
    group by record_persons.person_id, identifiers.identifier_type, identifiers.identifier_value
)

select
    grouped.person_id,
    grouped.identifier_type,
    grouped.identifier_value,
    grouped.guard_reason,
    grouped.record_count,
    grouped.is_usable,
    coalesce(traits.is_corporate_email, false) as is_corporate_email,
    coalesce(traits.is_mobile, false) as is_mobile,
    grouped.first_seen_at,
    grouped.first_record_id,
    grouped.last_seen_at
from grouped
left join traits
    on grouped.identifier_type = traits.identifier_type
        and grouped.identifier_value = traits.identifier_value
