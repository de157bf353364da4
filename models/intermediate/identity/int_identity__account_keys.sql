{#- Which account a domain or a company key stands for, with the number of accounts that claim it. -#}
with

crm_accounts as (
    select * from {{ ref('int_identity__crm_accounts') }}
),

domains as (
    select * from {{ ref('int_identity__domains') }}
),

normal_companies as (
    select * from {{ ref('int_identity__normal_companies') }}
),

claims as (
    select
        'domain' as key_type,
        domain as key_value,
        account_id,
        load_sequence,
        live_account_id,
        source_system
    from crm_accounts
    where is_live
        and domain is not null
    union all
    select
        'company' as key_type,
        company_key as key_value,
        account_id,
        load_sequence,
        live_account_id,
        source_system
    from crm_accounts
    where is_live
        and company_key is not null
),

claimed as (
    select
        key_type,
        key_value,
        count(distinct account_id) as account_tie_count
    from claims
    group by key_type, key_value
),

first_claims as (
    select
        key_type,
        key_value,
        account_id
    from claims
    qualify row_number() over (
            partition by key_type, key_value
            order by load_sequence asc nulls last, source_system asc, live_account_id asc
        ) = 1
),

all_keys as (
    select distinct
        'domain' as key_type,
        domain as key_value
    from domains
    where is_corporate
    union all
    select distinct
        'company' as key_type,
        company_key as key_value
    from normal_companies
    where length(company_key) > 1
)

select
    all_keys.key_type,
    all_keys.key_value,
    coalesce(first_claims.account_id, {{ md5_text(['all_keys.key_type', 'all_keys.key_value']) }}) as account_id,
    coalesce(claimed.account_tie_count, 1) as account_tie_count,
    first_claims.account_id is not null as is_crm_account
from all_keys
left join first_claims
    on all_keys.key_type = first_claims.key_type
        and all_keys.key_value = first_claims.key_value
left join claimed
    on all_keys.key_type = claimed.key_type
        and all_keys.key_value = claimed.key_value
