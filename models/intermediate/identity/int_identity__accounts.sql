with

crm_accounts as (
    select * from {{ ref('int_identity__crm_accounts') }}
),

account_keys as (
    select * from {{ ref('int_identity__account_keys') }}
),

person_accounts as (
    select * from {{ ref('int_identity__person_accounts') }}
),

profile_history as (
    select * from {{ ref('int_identity__profile_history') }}
),

country_aliases as (
    select * from {{ ref('country_aliases') }}
),

domains as (
    select * from {{ ref('int_identity__domains') }}
),

account_domains as (
    select * from {{ ref('account_domains') }}
),

interactions as (
    select * from {{ ref('stg_engagement__interactions') }}
),

visiting_domains as (
    select distinct
        'domain' as key_type,
        domains.domain
    from interactions
    inner join domains
        on interactions.company_domain = domains.raw_host
    where domains.is_corporate
),

used_accounts as (
    select distinct account_id from person_accounts
),

-- the account that owns the one of a subsidiary's domain
owners_by_domain as (
    select
        account_domains.domain,
        account_keys.account_id
    from account_domains
    inner join account_keys
        on account_keys.key_type = 'domain'
            and account_domains.of_domain = account_keys.key_value
    where account_domains.relation = 'subsidiary'
),

visited as (
    select account_keys.account_id
    from account_keys
    inner join visiting_domains
        on account_keys.key_type = visiting_domains.key_type
            and account_keys.key_value = visiting_domains.domain
),

live_accounts as (
    select account_id from used_accounts
    union
    select account_id from visited
    union
    select account_id from crm_accounts
),

subsidiaries as (
    select
        account_keys.account_id,
        min(owners_by_domain.account_id) as owner_account_id
    from account_keys
    inner join live_accounts
        on account_keys.account_id = live_accounts.account_id
    inner join owners_by_domain
        on account_keys.key_type = 'domain'
            and account_keys.key_value = owners_by_domain.domain
            and account_keys.account_id <> owners_by_domain.account_id
    group by account_keys.account_id
),

needed_accounts as (
    select account_id from live_accounts
    union
    select owner_account_id as account_id from subsidiaries
),

derived as (
    select
        account_keys.account_id,
        min(account_keys.key_value) filter (where account_keys.key_type = 'domain') as domain,
        min(account_keys.key_value) filter (where account_keys.key_type = 'company') as company_key
    from account_keys
    inner join needed_accounts
        on account_keys.account_id = needed_accounts.account_id
    where not account_keys.is_crm_account
    group by account_keys.account_id
),

spoken_names as (
    select
        person_accounts.account_id,
        profile_history.value as account_name,
        count(*) as person_count
    from profile_history
    inner join person_accounts
        on profile_history.person_id = person_accounts.person_id
    where profile_history.attribute = 'company'
        and profile_history.valid_to is null
    group by person_accounts.account_id, profile_history.value
),

most_spoken as (
    select
        account_id,
        account_name
    from spoken_names
    qualify row_number() over (partition by account_id order by person_count desc, account_name asc) = 1
),

tie_counts as (
    select
        account_id,
        max(account_tie_count) as account_tie_count
    from account_keys
    group by account_id
),

all_accounts as (
    select
        crm_accounts.account_id,
        crm_accounts.source_system as crm_source_system,
        crm_accounts.live_account_id as crm_account_id,
        parents.account_id as parent_account_id,
        crm_accounts.account_name,
        crm_accounts.domain,
        crm_accounts.industry,
        coalesce(country_aliases.country_code, crm_accounts.country) as country,
        crm_accounts.region,
        crm_accounts.employees,
        crm_accounts.annual_revenue,
        'crm_account' as rule
    from crm_accounts
    left join crm_accounts as parents
        on crm_accounts.source_system = parents.source_system
            and crm_accounts.crm_parent_account_id = parents.crm_account_id
    left join country_aliases
        on lower(crm_accounts.country) = country_aliases.alias
    where crm_accounts.is_live
    union all
    select
        account_id,
        cast(null as varchar) as crm_source_system,
        cast(null as varchar) as crm_account_id,
        cast(null as varchar) as parent_account_id,
        coalesce(domain, company_key) as account_name,
        domain,
        cast(null as varchar) as industry,
        cast(null as varchar) as country,
        cast(null as varchar) as region,
        cast(null as bigint) as employees,
        cast(null as decimal(18, 2)) as annual_revenue,
        case when domain is not null then 'email_domain' else 'company_name' end as rule
    from derived
)

select
    all_accounts.account_id,
    all_accounts.crm_source_system,
    all_accounts.crm_account_id,
    coalesce(all_accounts.parent_account_id, subsidiaries.owner_account_id) as parent_account_id,
    case
        when all_accounts.parent_account_id is not null then 'crm'
        when subsidiaries.owner_account_id is not null then 'domain'
    end as parent_rule,
    case
        when
            all_accounts.rule = 'crm_account'
            then coalesce(all_accounts.account_name, most_spoken.account_name, all_accounts.crm_account_id)
        else coalesce(most_spoken.account_name, all_accounts.account_name)
    end as account_name,
    all_accounts.domain,
    all_accounts.industry,
    all_accounts.country,
    all_accounts.region,
    all_accounts.rule,
    all_accounts.employees,
    all_accounts.annual_revenue,
    coalesce(tie_counts.account_tie_count, 1) as account_tie_count
from all_accounts
left join most_spoken
    on all_accounts.account_id = most_spoken.account_id
left join tie_counts
    on all_accounts.account_id = tie_counts.account_id
left join subsidiaries
    on all_accounts.account_id = subsidiaries.account_id
