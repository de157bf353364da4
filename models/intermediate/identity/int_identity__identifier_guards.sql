{{ config(materialized='nightly', key='identifier_key', scope='int_identity__touched_identifiers') }}

with

identifier_sightings as (
    select * from {{ ref('int_identity__identifier_sightings') }}
    where {{ is_touched('identifier_key') }}
),

identifier_rules as (
    select * from {{ ref('identifier_rules') }}
),

record_names as (
    select * from {{ ref('int_identity__record_names') }}
),

record_contacts as (
    select * from {{ ref('int_identity__record_contacts') }}
),

blocked_values as (
    select * from {{ ref('blocked_values') }}
),

decision_sides as (
    select * from {{ ref('int_identity__decision_sides') }}
),

normal_emails as (
    select * from {{ ref('int_identity__normal_emails') }}
),

normal_phones as (
    select * from {{ ref('int_identity__normal_phones') }}
),

record_counts as (
    select
        identifier_key,
        any_value(identifier_type) as identifier_type,
        any_value(identifier_value) as identifier_value,
        count(*) as record_count
    from identifier_sightings
    group by identifier_key
),

name_counts as (
    select
        identifier_sightings.identifier_key,
        count(distinct record_names.name_id) as name_count
    from identifier_sightings
    inner join record_names
        on identifier_sightings.birth_order = record_names.birth_order
    group by identifier_sightings.identifier_key
),

contact_counts as (
    select
        identifier_sightings.identifier_key,
        count(distinct record_contacts.value) as contact_count
    from identifier_sightings
    inner join record_contacts
        on identifier_sightings.birth_order = record_contacts.birth_order
    group by identifier_sightings.identifier_key
),

-- keyed by both columns: a join on the value alone with a condition on the type is a nested loop
told_by_value as (
    select distinct
        'email' as identifier_type,
        email as identifier_value,
        is_role,
        is_disposable,
        false as has_digit_run
    from normal_emails
    where email is not null
        and (is_role or is_disposable)
    union all
    select distinct
        'phone' as identifier_type,
        phone as identifier_value,
        false as is_role,
        false as is_disposable,
        has_digit_run
    from normal_phones
    where phone is not null
        and has_digit_run
),

steward_blocks as (
    select distinct identifier_key
    from decision_sides
    where decision = 'block_identifier'
),

gathered as (
    select
        record_counts.identifier_key,
        record_counts.identifier_type,
        record_counts.identifier_value,
        record_counts.record_count,
        coalesce(name_counts.name_count, 0) as name_count,
        coalesce(contact_counts.contact_count, 0) as contact_count,
        identifier_rules.strength,
        identifier_rules.trust_rank,
        identifier_rules.max_records,
        identifier_rules.max_names,
        identifier_rules.max_contacts,
        steward_blocks.identifier_key is not null as is_steward_blocked,
        blocked_values.identifier_value is not null as is_placeholder,
        coalesce(told_by_value.is_role, false) as is_role,
        coalesce(told_by_value.is_disposable, false) as is_disposable,
        coalesce(told_by_value.has_digit_run, false) as has_digit_run
    from record_counts
    inner join identifier_rules
        on record_counts.identifier_type = identifier_rules.identifier_type
    left join name_counts
        on record_counts.identifier_key = name_counts.identifier_key
    left join contact_counts
        on record_counts.identifier_key = contact_counts.identifier_key
    left join steward_blocks
        on record_counts.identifier_key = steward_blocks.identifier_key
    left join blocked_values
        on record_counts.identifier_type = blocked_values.identifier_type
            and record_counts.identifier_value = blocked_values.identifier_value
    left join told_by_value
        on record_counts.identifier_type = told_by_value.identifier_type
            and record_counts.identifier_value = told_by_value.identifier_value
),

judged as (
    select
        *,
        case
            when is_steward_blocked then 'steward_block'
            when is_placeholder then 'placeholder'
            when is_role then 'role_mailbox'
            when is_disposable then 'disposable_mailbox'
            when has_digit_run then 'digit_run'
            when name_count > max_names then 'too_many_names'
            when contact_count > max_contacts then 'too_many_contacts'
            when record_count > max_records then 'too_many_records'
        end as guard_reason
    from gathered
)

select
    identifier_key,
    identifier_type,
    identifier_value,
    strength,
    guard_reason,
    trust_rank,
    record_count,
    name_count,
    contact_count,
    guard_reason is null as is_usable
from judged
