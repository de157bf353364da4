{#- The CRM's parents of an account, up to the top. A ring of parents ends where it began; `identity_max_account_levels` bounds it. -#}
with recursive

crm_accounts as (
    select * from {{ ref('int_identity__crm_accounts') }}
),

parents as (
    select distinct
        children.account_id,
        owners.account_id as parent_account_id
    from crm_accounts as children
    inner join crm_accounts as owners
        on children.source_system = owners.source_system
            and children.crm_parent_account_id = owners.crm_account_id
    where children.is_live
        and children.account_id <> owners.account_id
),

walk as (
    select
        account_id,
        parent_account_id as ancestor_account_id,
        1 as levels
    from parents
    union all
    select
        walk.account_id,
        parents.parent_account_id as ancestor_account_id,
        walk.levels + 1 as levels
    from walk
    inner join parents
        on walk.ancestor_account_id = parents.account_id
    where walk.levels < {{ var('identity_max_account_levels', 10) }}
        and parents.parent_account_id <> walk.account_id
)

select
    account_id,
    ancestor_account_id,
    min(levels) as levels
from walk
group by account_id, ancestor_account_id
