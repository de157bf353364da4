with

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

person_identifiers as (
    select * from {{ ref('int_identity__person_identifiers') }}
),

identifier_rules as (
    select * from {{ ref('identifier_rules') }}
),

profile_history as (
    select * from {{ ref('int_identity__profile_history') }}
),

person_accounts as (
    select * from {{ ref('int_identity__person_accounts') }}
),

interaction_persons as (
    select * from {{ ref('int_identity__interaction_persons') }}
),

interactions as (
    select * from {{ ref('stg_engagement__interactions') }}
),

lasting_contact_types as (
    select * from {{ ref('lasting_contact_types') }}
),

person_findings as (
    select * from {{ ref('int_hygiene__person_findings') }}
),

seen as (
    select
        person_id,
        min(observed_at) as first_seen_at,
        min(load_sequence) as load_sequence
    from record_persons
    group by person_id
),

known as (
    select
        person_identifiers.person_id,
        min(person_identifiers.first_seen_at) filter (where identifier_rules.makes_known) as identified_at,
        min(person_identifiers.first_seen_at) filter (where identifier_rules.is_lasting_contact) as lasting_contact_at,
        bool_or(person_identifiers.is_corporate_email and person_identifiers.is_usable) as has_corporate_email,
        bool_or(person_identifiers.is_mobile and person_identifiers.is_usable) as has_mobile
    from person_identifiers
    inner join identifier_rules
        on person_identifiers.identifier_type = identifier_rules.identifier_type
    group by person_identifiers.person_id
),

followed as (
    select
        interaction_persons.person_id,
        min(interactions.occurred_at) as followed_at
    from interactions
    inner join lasting_contact_types
        on interactions.type = lasting_contact_types.interaction_type
    inner join interaction_persons
        on interactions.record_id = interaction_persons.record_id
    group by interaction_persons.person_id
),

golden as (
    select
        {%- for attribute in ['email', 'phone', 'full_name', 'country'] + plain_profile_attributes() %}
            max(case when attribute = '{{ attribute }}' then value end) as {{ attribute }},
        {%- endfor %}
        person_id
    from profile_history
    where valid_to is null
    group by person_id
)

select
    seen.person_id,
    person_accounts.account_id,
    person_accounts.account_rule,
    golden.email,
    golden.phone,
    golden.full_name,
    golden.first_name,
    golden.last_name,
    golden.company,
    golden.job_title,
    golden.department,
    golden.company_size,
    golden.industry,
    golden.country,
    golden.region,
    golden.city,
    golden.wechat_openid,
    coalesce(person_accounts.account_tie_count, 0) as account_tie_count,
    known.identified_at is null as is_anonymous,
    coalesce(person_findings.is_test, false) as is_test,
    coalesce(person_findings.is_competitor, false) as is_competitor,
    coalesce(person_findings.is_person_out, false) as is_cleaned_out,
    coalesce(known.has_corporate_email, false) as has_corporate_email,
    coalesce(known.has_mobile, false) as has_mobile,
    seen.first_seen_at,
    known.identified_at,
    least(
        coalesce(followed.followed_at, known.lasting_contact_at),
        coalesce(known.lasting_contact_at, followed.followed_at)
    ) as befriended_at
from seen
left join known
    on seen.person_id = known.person_id
left join followed
    on seen.person_id = followed.person_id
left join golden
    on seen.person_id = golden.person_id
left join person_accounts
    on seen.person_id = person_accounts.person_id
left join person_findings
    on seen.person_id = person_findings.person_id
