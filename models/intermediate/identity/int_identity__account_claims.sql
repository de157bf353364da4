{#- Accounts of the CRM that claim a domain or a company name, and which of several it stands for: the one that owns all others, else
    the one that arrived first. -#}
with

crm_accounts as (
    select * from {{ ref('int_identity__crm_accounts') }}
),

account_ancestors as (
    select * from {{ ref('int_identity__account_ancestors') }}
),

keyed as (
    select
        'domain' as key_type,
        domain as key_value,
        account_id,
        source_system,
        live_account_id,
        first_arrived_at
    from crm_accounts
    where is_live
        and domain is not null
    union all
    select
        'company' as key_type,
        company_key as key_value,
        account_id,
        source_system,
        live_account_id,
        first_arrived_at
    from crm_accounts
    where is_live
        and company_key is not null
),

claims as (
    select
        *,
        count(*) over (partition by key_type, key_value) as claim_count
    from keyed
),

owned as (
    select
        claims.key_type,
        claims.key_value,
        account_ancestors.ancestor_account_id as account_id,
        count(*) as owned_count
    from claims
    inner join account_ancestors
        on claims.account_id = account_ancestors.account_id
    group by claims.key_type, claims.key_value, account_ancestors.ancestor_account_id
),

judged as (
    select
        claims.*,
        coalesce(owned.owned_count, 0) = claims.claim_count - 1 and claims.claim_count > 1 as owns_all_others
    from claims
    left join owned
        on claims.key_type = owned.key_type
            and claims.key_value = owned.key_value
            and claims.account_id = owned.account_id
),

numbered as (
    select
        *,
        row_number() over (
            partition by key_type, key_value
            order by
                case when owns_all_others then 0 else 1 end,
                first_arrived_at asc nulls last, source_system asc, live_account_id asc
        ) as claim_number,
        bool_or(owns_all_others) over (partition by key_type, key_value) as has_owner
    from judged
)

select
    key_type,
    key_value,
    account_id,
    case
        when claim_count = 1 then 'only_claim'
        when has_owner then 'parent'
        else 'first_arrived'
    end as chosen_because,
    claim_count,
    claim_number,
    claim_number = 1 as is_chosen,
    first_arrived_at
from numbered
