{#- Which hygiene rule each record meets, one branch per rule. Touches are no leads; they are not judged here. -#}
with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
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

normal_companies as (
    select * from {{ ref('int_identity__normal_companies') }}
),

domains as (
    select * from {{ ref('int_identity__domains') }}
),

name_keys as (
    select * from {{ ref('int_hygiene__name_texts') }}
),

test_markers as (
    select * from {{ ref('test_markers') }}
),

competitors as (
    select * from {{ ref('competitors') }}
),

latest_versions as (
    select *
    from record_versions
    qualify row_number() over (partition by record_id order by version_number desc) = 1
),

leads as (
    select
        latest_versions.record_id,
        record_persons.person_id,
        record_persons.birth_order,
        latest_versions.email is not null as has_email_text,
        coalesce(latest_versions.wechat_openid, latest_versions.wechat_unionid) is not null as has_wechat,
        normal_emails.email,
        split_part(normal_emails.mail_address, '@', 1) as email_local,
        normal_emails.email_domain,
        domains.domain,
        coalesce(normal_emails.is_role, false) as is_role,
        coalesce(normal_emails.is_disposable, false) as is_disposable,
        coalesce(normal_phones.has_digit_run, false) as has_digit_run,
        name_keys.name_key,
        normal_companies.company_key
    from latest_versions
    inner join record_persons
        on latest_versions.record_id = record_persons.record_id
    left join normal_emails
        on latest_versions.email = normal_emails.raw_email
    left join domains
        on normal_emails.email_domain = domains.raw_host
    left join normal_phones
        on latest_versions.phone = normal_phones.raw_phone
            and coalesce(latest_versions.country_code, '') = normal_phones.country_code
    left join name_keys
        on latest_versions.person_name = name_keys.raw_name
    left join normal_companies
        on latest_versions.company = normal_companies.raw_company
    where latest_versions.source_table <> 'consent.events'
),

seated as (
    select
        leads.record_id,
        row_number() over (partition by leads.person_id order by leads.birth_order) as seat
    from leads
),

duplicates as (
    select
        record_id,
        'duplicate' as rule_id
    from seated
    where seat > 1
),

tests as (
    select distinct
        leads.record_id,
        'test' as rule_id
    from leads
    inner join test_markers
        on (test_markers.field = 'email_domain' and leads.email_domain = test_markers.value)
            or (test_markers.field = 'email_local' and leads.email_local = test_markers.value)
            or (test_markers.field = 'name_key' and leads.name_key = test_markers.value)
            or (test_markers.field = 'company_key' and leads.company_key = test_markers.value)
),

run_phones as (
    select
        record_id,
        case when email is null and not has_wechat then 'bogus_phone' else 'phone_in_doubt' end as rule_id
    from leads
    where has_digit_run
),

competitor_domains as (
    select distinct domain
    from competitors
    where cast(valid_from as timestamp) <= {{ as_of() }}
        and domain is not null
),

competitor_companies as (
    select distinct normal_companies.company_key
    from competitors
    inner join normal_companies
        on competitors.company_name = normal_companies.raw_company
    where cast(competitors.valid_from as timestamp) <= {{ as_of() }}
),

rivals as (
    select
        leads.record_id,
        'competitor' as rule_id
    from leads
    left join competitor_domains
        on leads.domain = competitor_domains.domain
    left join competitor_companies
        on leads.company_key = competitor_companies.company_key
    where competitor_domains.domain is not null
        or competitor_companies.company_key is not null
),

mailboxes as (
    select
        record_id,
        'disposable_mailbox' as rule_id
    from leads
    where is_disposable
    union all
    select
        record_id,
        'role_mailbox' as rule_id
    from leads
    where is_role
),

found as (
    select * from duplicates
    union all
    select * from tests
    union all
    select * from run_phones
    union all
    select * from rivals
    union all
    select * from mailboxes
)

select
    leads.record_id,
    leads.person_id,
    found.rule_id
from leads
left join found
    on leads.record_id = found.record_id
