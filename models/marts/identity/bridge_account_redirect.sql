{#- Account ids that led somewhere once. An id follows from its key, so what it was called before the CRM knew it can always be told:
    the id of the domain, of the company name, of the account that the CRM merged away, of the second domain. -#}
with

accounts as (
    select * from {{ ref('int_identity__accounts') }}
),

account_keys as (
    select * from {{ ref('int_identity__account_keys') }}
),

account_claims as (
    select * from {{ ref('int_identity__account_claims') }}
),

crm_accounts as (
    select * from {{ ref('int_identity__crm_accounts') }}
),

crm_merges as (
    select * from {{ ref('int_identity__crm_merges') }}
),

account_domains as (
    select * from {{ ref('account_domains') }}
),

account_evidence as (
    select * from {{ ref('int_identity__account_evidence') }}
),

person_accounts as (
    select * from {{ ref('int_identity__person_accounts') }}
),

taken_over as (
    select
        {{ md5_text(['account_keys.key_type', 'account_keys.key_value']) }} as retired_account_id,
        account_keys.account_id,
        'crm_account' as because,
        1 as priority,
        account_claims.first_arrived_at as retired_at
    from account_keys
    inner join account_claims
        on account_keys.key_type = account_claims.key_type
            and account_keys.key_value = account_claims.key_value
            and account_keys.account_id = account_claims.account_id
    where account_keys.is_crm_account
),

merged as (
    select
        {{ md5_text(["'crm'", 'crm_accounts.source_system', 'crm_accounts.crm_account_id']) }} as retired_account_id,
        crm_accounts.account_id,
        'crm_merge' as because,
        1 as priority,
        crm_merges.arrived_at as retired_at
    from crm_accounts
    left join crm_merges
        on crm_merges.object_type = 'account'
            and crm_accounts.source_system = crm_merges.source_system
            and crm_accounts.crm_account_id = crm_merges.loser_id
    where not crm_accounts.is_live
),

same_domain as (
    select
        {{ md5_text(["'domain'", 'account_domains.domain']) }} as retired_account_id,
        account_keys.account_id,
        'same_company' as because,
        1 as priority,
        cast(null as timestamp) as retired_at
    from account_domains
    inner join account_keys
        on account_keys.key_type = 'domain'
            and account_domains.of_domain = account_keys.key_value
    where account_domains.relation = 'same'
),

-- a company known by its name alone, until all who name it turned out to be with one account
moved as (
    select
        account_evidence.account_id as retired_account_id,
        min(person_accounts.account_id) as account_id,
        'persons_moved' as because,
        2 as priority,
        cast(null as timestamp) as retired_at
    from account_evidence
    inner join person_accounts
        on account_evidence.person_id = person_accounts.person_id
    where account_evidence.account_rule = 'company_name'
    group by account_evidence.account_id
    having count(distinct person_accounts.account_id) = 1
),

redirects as (
    select * from taken_over
    union all
    select * from merged
    union all
    select * from same_domain
    union all
    select * from moved
)

select
    redirects.retired_account_id,
    redirects.account_id,
    redirects.because,
    redirects.retired_at
from redirects
inner join accounts
    on redirects.account_id = accounts.account_id
left join accounts as still_there
    on redirects.retired_account_id = still_there.account_id
where still_there.account_id is null
qualify row_number() over (
        partition by redirects.retired_account_id
        order by redirects.priority asc, redirects.retired_at asc nulls last, redirects.because asc, redirects.account_id asc
    ) = 1
