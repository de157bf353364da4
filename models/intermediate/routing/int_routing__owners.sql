{#- The first owner rule by priority that fits the assignment and names somebody. -#}
with

assignments as (
    select * from {{ ref('int_routing__assignments') }}
    where not is_to_pool
),

accounts as (
    select * from {{ ref('dim_account') }}
),

submissions as (
    select * from {{ ref('stg_forms__submissions') }}
),

account_stages as (
    select * from {{ ref('fct_account_stage') }}
    where decided_by = 'account'
),

won_deals as (
    select * from {{ ref('fct_opportunity') }}
    where is_won and owner_id is not null
),

owner_rules as (
    select * from {{ ref('owner_rules') }}
),

-- whom the account knows: the owner of the last deal that it had won by then
account_owners as (
    select
        assignments.assignment_id,
        won_deals.owner_id
    from assignments
    inner join won_deals
        on
            assignments.account_id = won_deals.account_id
            and assignments.assigned_at >= won_deals.closed_at
    qualify row_number() over (
            partition by assignments.assignment_id
            order by won_deals.closed_at desc, won_deals.opportunity_record_id asc
        ) = 1
),

asked as (
    select
        assignments.*,
        lower(accounts.domain) as account_domain,
        submissions.requested_owner_id,
        account_owners.owner_id as account_owner_id,
        account_stages.account_id is not null as is_customer_account
    from assignments
    left join accounts
        on assignments.account_id = accounts.account_id
    left join submissions
        on assignments.record_id = submissions.record_id
    left join account_owners
        on assignments.assignment_id = account_owners.assignment_id
    left join account_stages
        on
            assignments.account_id = account_stages.account_id
            and assignments.assigned_at >= account_stages.entered_at
            and (account_stages.exited_at is null or assignments.assigned_at < account_stages.exited_at)
),

fitting as (
    select
        asked.assignment_id,
        owner_rules.priority,
        case owner_rules.owner_source
            when 'requested' then asked.requested_owner_id
            when 'account' then asked.account_owner_id
            else owner_rules.owner_id
        end as owner_id
    from asked
    inner join owner_rules
        on
            owner_rules.assign_to in (asked.assign_to, '*')
            and (owner_rules.is_customer_account is null or asked.is_customer_account = owner_rules.is_customer_account)
            and (owner_rules.account_domain is null or asked.account_domain = lower(owner_rules.account_domain))
            and (owner_rules.region is null or asked.region = owner_rules.region)
            and (owner_rules.industry is null or asked.industry = owner_rules.industry)
            and (owner_rules.company_size is null or asked.company_size = owner_rules.company_size)
            and (owner_rules.valid_from is null or asked.assigned_at >= owner_rules.valid_from)
            and (owner_rules.valid_to is null or asked.assigned_at < owner_rules.valid_to)
)

select
    assignment_id,
    min_by(owner_id, priority) as owner_id,
    min(priority) as owner_rule_priority
from fitting
where owner_id is not null
group by assignment_id
