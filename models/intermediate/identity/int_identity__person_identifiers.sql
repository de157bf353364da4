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

mailboxes as (
    select distinct
        email,
        is_corporate
    from normal_emails
),

numbers as (
    select distinct
        phone,
        is_mobile
    from normal_phones
),

-- a deal that names a contact is a mere reference: it dates an identifier only when no record of its own does
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
    coalesce(mailboxes.is_corporate, false) as is_corporate_email,
    coalesce(numbers.is_mobile, false) as is_mobile,
    grouped.first_seen_at,
    grouped.last_seen_at
from grouped
left join mailboxes
    on grouped.identifier_type = 'email'
        and grouped.identifier_value = mailboxes.email
left join numbers
    on grouped.identifier_type = 'phone'
        and grouped.identifier_value = numbers.phone
