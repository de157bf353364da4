{#- Who sent whom: a form names the referrer by an address, a phone or an id; whoever bears it is the referrer. -#}
with

submissions as (
    select * from {{ ref('stg_forms__submissions') }}
    where {{ blank_to_null('referred_by') }} is not null and submitted_at <= {{ as_of() }}
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

country_aliases as (
    select * from {{ ref('country_aliases') }}
),

identifiers as (
    select * from {{ ref('int_identity__person_identifiers') }}
    where identifier_type in ('email', 'phone', 'external_id')
),

-- an id means something in the system that gave it alone
named as (
    select
        submissions.record_id,
        submissions.submitted_at,
        record_persons.person_id as referred_person_id,
        case
            when submissions.referred_by like '%@%' then 'email'
            when normal_phones.phone is not null then 'phone'
            else 'external_id'
        end as named_type,
        case
            when submissions.referred_by like '%@%'
                then coalesce(normal_emails.email, lower(trim(submissions.referred_by)))
            else coalesce(normal_phones.phone, submissions.source_system || '|' || trim(submissions.referred_by))
        end as named_value
    from submissions
    inner join record_persons
        on submissions.record_id = record_persons.record_id
    left join normal_emails
        on {{ blank_to_null('submissions.referred_by') }} = normal_emails.raw_email
    left join country_aliases
        on lower(trim(submissions.country)) = country_aliases.alias
    left join normal_phones
        on
            trim(submissions.referred_by) = normal_phones.raw_phone
            and coalesce(country_aliases.country_code, '') = normal_phones.country_code
),

-- a shared mailbox may belong to several: nobody is credited by chance
holders as (
    select
        identifier_type,
        identifier_value,
        min(person_id) as person_id
    from identifiers
    group by identifier_type, identifier_value
    having count(distinct person_id) = 1
)

select
    named.record_id,
    named.submitted_at,
    named.referred_person_id,
    holders.person_id as referrer_person_id,
    coalesce(holders.person_id = named.referred_person_id, false) as is_own
from named
left join holders
    on
        named.named_type = holders.identifier_type
        and named.named_value = holders.identifier_value
