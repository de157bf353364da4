with

target_lists as (
    select * from {{ ref('stg_crm__target_lists') }}
),

crm_accounts as (
    select * from {{ ref('int_identity__crm_accounts') }}
),

as_of_moment as (
    select {{ as_of() }} as looked_at
),

-- two CRM accounts that were merged stand on a list once
listed as (
    select
        target_lists.list_name,
        crm_accounts.account_id,
        coalesce(target_lists.valid_from, timestamp '0001-01-01') as valid_from,
        max(coalesce(target_lists.valid_to, timestamp '9999-12-31')) as valid_to
    from target_lists
    inner join crm_accounts
        on
            target_lists.source_system = crm_accounts.source_system
            and target_lists.account_id = crm_accounts.crm_account_id
    group by target_lists.list_name, crm_accounts.account_id, coalesce(target_lists.valid_from, timestamp '0001-01-01')
)

select
    listed.list_name,
    listed.account_id,
    listed.valid_from,
    nullif(listed.valid_to, timestamp '9999-12-31') as valid_to,
    listed.valid_from <= as_of_moment.looked_at and listed.valid_to > as_of_moment.looked_at as is_current
from listed
cross join as_of_moment
