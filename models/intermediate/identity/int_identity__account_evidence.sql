{#- Every account that anything about a person speaks for: the CRM, a corporate mailbox, the company as they write it. A key that several
    accounts of the CRM claim speaks for each of them. -#}
with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

crm_accounts as (
    select * from {{ ref('int_identity__crm_accounts') }}
),

account_keys as (
    select * from {{ ref('int_identity__account_keys') }}
),

account_claims as (
    select * from {{ ref('int_identity__account_claims') }}
),

person_identifiers as (
    select * from {{ ref('int_identity__person_identifiers') }}
),

domains as (
    select * from {{ ref('int_identity__domains') }}
),

profile_history as (
    select * from {{ ref('int_identity__profile_history') }}
),

normal_companies as (
    select * from {{ ref('int_identity__normal_companies') }}
),

latest_crm_versions as (
    select
        *,
        min(observed_at) over (partition by record_id) as first_observed_at
    from record_versions
    where source_table in ('crm.leads', 'crm.contacts')
    qualify row_number() over (partition by record_id order by version_number desc) = 1
),

shown_keys as (
    select
        person_identifiers.person_id,
        'email_domain' as account_rule,
        2 as priority,
        'domain' as key_type,
        domains.domain as key_value,
        person_identifiers.first_seen_at,
        person_identifiers.last_seen_at as observed_at
    from person_identifiers
    inner join domains
        on split_part(person_identifiers.identifier_value, '@', 2) = domains.raw_host
    where person_identifiers.identifier_type = 'email'
        and person_identifiers.is_corporate_email
    union all
    select
        profile_history.person_id,
        'company_name' as account_rule,
        3 as priority,
        'company' as key_type,
        normal_companies.company_key as key_value,
        profile_history.valid_from as first_seen_at,
        profile_history.valid_from as observed_at
    from profile_history
    inner join normal_companies
        on profile_history.value = normal_companies.raw_company
    where profile_history.attribute = 'company'
        and profile_history.valid_to is null
),

spoken_for as (
    select
        record_persons.person_id,
        crm_accounts.account_id,
        'crm_account' as account_rule,
        1 as priority,
        'crm' as key_type,
        crm_accounts.source_system || '|' || crm_accounts.live_account_id as key_value,
        'only_claim' as chosen_because,
        true as is_key_choice,
        latest_crm_versions.first_observed_at as first_seen_at,
        latest_crm_versions.observed_at
    from latest_crm_versions
    inner join record_persons
        on latest_crm_versions.record_id = record_persons.record_id
    inner join crm_accounts
        on latest_crm_versions.source_system = crm_accounts.source_system
            and latest_crm_versions.crm_account_id = crm_accounts.crm_account_id
    where not latest_crm_versions.is_deleted
    union all
    select
        shown_keys.person_id,
        coalesce(account_claims.account_id, account_keys.account_id) as account_id,
        shown_keys.account_rule,
        shown_keys.priority,
        shown_keys.key_type,
        shown_keys.key_value,
        coalesce(account_claims.chosen_because, 'only_claim') as chosen_because,
        coalesce(account_claims.is_chosen, true) as is_key_choice,
        shown_keys.first_seen_at,
        shown_keys.observed_at
    from shown_keys
    inner join account_keys
        on shown_keys.key_type = account_keys.key_type
            and shown_keys.key_value = account_keys.key_value
    left join account_claims
        on shown_keys.key_type = account_claims.key_type
            and shown_keys.key_value = account_claims.key_value
)

select
    person_id,
    account_id,
    account_rule,
    key_type,
    key_value,
    min(chosen_because) as chosen_because,
    priority,
    bool_or(is_key_choice) as is_key_choice,
    min(first_seen_at) as first_seen_at,
    max(observed_at) as observed_at
from spoken_for
group by person_id, account_id, account_rule, key_type, key_value, priority
