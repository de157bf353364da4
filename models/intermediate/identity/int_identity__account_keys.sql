{#- Which account a domain or a company key stands for, with the number of accounts that claim it. -#}
with

account_claims as (
    select * from {{ ref('int_identity__account_claims') }}
),

domains as (
    select * from {{ ref('int_identity__domains') }}
),

account_domains as (
    select * from {{ ref('account_domains') }}
),

normal_companies as (
    select * from {{ ref('int_identity__normal_companies') }}
),

all_keys as (
    select
        'domain' as key_type,
        domain as key_value
    from domains
    where is_corporate
    union
    -- the owner of a subsidiary that was seen is an account as well
    select
        'domain' as key_type,
        account_domains.of_domain as key_value
    from account_domains
    inner join domains
        on account_domains.domain = domains.domain
    where account_domains.relation = 'subsidiary'
        and domains.is_corporate
    union
    select
        'company' as key_type,
        company_key as key_value
    from normal_companies
    where length(company_key) > 1
),

chosen as (
    select * from account_claims
    where is_chosen
)

select
    all_keys.key_type,
    all_keys.key_value,
    coalesce(chosen.account_id, {{ md5_text(['all_keys.key_type', 'all_keys.key_value']) }}) as account_id,
    coalesce(chosen.claim_count, 1) as account_tie_count,
    chosen.account_id is not null as is_crm_account
from all_keys
left join chosen
    on all_keys.key_type = chosen.key_type
        and all_keys.key_value = chosen.key_value
