{#- One current account per person: the CRM's, else the corporate domain's, else the company name's. -#}
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
    select *
    from record_versions
    where source_table in ('crm.leads', 'crm.contacts')
    qualify row_number() over (partition by record_id order by version_number desc) = 1
),

candidates as (
    select
        record_persons.person_id,
        crm_accounts.account_id,
        'crm_account' as account_rule,
        1 as priority,
        latest_crm_versions.observed_at,
        1 as key_tie_count
    from latest_crm_versions
    inner join record_persons
        on latest_crm_versions.record_id = record_persons.record_id
    inner join crm_accounts
        on latest_crm_versions.source_system = crm_accounts.source_system
            and latest_crm_versions.crm_account_id = crm_accounts.crm_account_id
    where not latest_crm_versions.is_deleted
    union all
    select
        person_identifiers.person_id,
        account_keys.account_id,
        'email_domain' as account_rule,
        2 as priority,
        person_identifiers.last_seen_at as observed_at,
        account_keys.account_tie_count as key_tie_count
    from person_identifiers
    inner join domains
        on split_part(person_identifiers.identifier_value, '@', 2) = domains.raw_host
    inner join account_keys
        on account_keys.key_type = 'domain'
            and domains.domain = account_keys.key_value
    where person_identifiers.identifier_type = 'email'
        and person_identifiers.is_corporate_email
    union all
    select
        profile_history.person_id,
        account_keys.account_id,
        'company_name' as account_rule,
        3 as priority,
        profile_history.valid_from as observed_at,
        account_keys.account_tie_count as key_tie_count
    from profile_history
    inner join normal_companies
        on profile_history.value = normal_companies.raw_company
    inner join account_keys
        on account_keys.key_type = 'company'
            and normal_companies.company_key = account_keys.key_value
    where profile_history.attribute = 'company'
        and profile_history.valid_to is null
),

best_priority as (
    select
        person_id,
        min(priority) as priority
    from candidates
    group by person_id
),

eligible as (
    select
        candidates.person_id,
        candidates.account_id,
        candidates.account_rule,
        max(candidates.observed_at) as observed_at,
        max(candidates.key_tie_count) as key_tie_count
    from candidates
    inner join best_priority
        on candidates.person_id = best_priority.person_id
            and candidates.priority = best_priority.priority
    group by candidates.person_id, candidates.account_id, candidates.account_rule
),

-- several accounts seen last at the same instant are a tie
newest as (
    select
        *,
        max(observed_at) over (partition by person_id) as newest_at
    from eligible
),

tied as (
    select
        person_id,
        min(account_id) as account_id,
        min(account_rule) as account_rule,
        greatest(count(*), max(key_tie_count)) as account_tie_count
    from newest
    where observed_at = newest_at
    group by person_id
)

select
    person_id,
    account_id,
    account_rule,
    account_tie_count
from tied
