with

opportunities as (
    select * from {{ ref('stg_crm__opportunities') }}
),

opportunity_periods as (
    select * from {{ ref('int_lifecycle__opportunity_periods') }}
),

crm_accounts as (
    select * from {{ ref('int_identity__crm_accounts') }}
),

job_changes as (
    select * from {{ ref('int_lifecycle__job_changes') }}
),

persons as (
    select * from {{ ref('int_identity__persons') }}
)

-- one contact per deal, so that its amount is counted once; the other roles carry no money
select
    opportunities.record_id as opportunity_record_id,
    opportunities.opportunity_id,
    opportunities.source_system,
    opportunity_periods.person_id,
    coalesce(crm_accounts.account_id, job_changes.from_account_id, persons.account_id) as account_id,
    opportunities.campaign_id,
    opportunities.product_id,
    opportunities.owner_id,
    opportunities.type as opportunity_type,
    opportunities.stage as opportunity_stage,
    opportunities.lost_reason,
    opportunities.currency,
    opportunities.amount,
    {{ days_between('opportunity_periods.opened_at', 'opportunity_periods.closed_at') }} as days_to_close,
    coalesce(opportunity_periods.is_won, false) as is_won,
    opportunity_periods.closed_at is null as is_open,
    opportunity_periods.is_closed_before_created,
    opportunities.created_at,
    opportunity_periods.closed_at,
    {{ format_month('opportunities.created_at') }} as created_month,
    {{ format_month('opportunity_periods.closed_at') }} as closed_month
from opportunities
inner join opportunity_periods
    on opportunities.record_id = opportunity_periods.opportunity_record_id
left join crm_accounts
    on
        opportunities.source_system = crm_accounts.source_system
        and opportunities.account_id = crm_accounts.crm_account_id
left join persons
    on opportunity_periods.person_id = persons.person_id
-- without an account of its own: where the contact worked then, the account that the next change of employer left
left join job_changes
    on
        opportunity_periods.person_id = job_changes.person_id
        and opportunities.created_at < job_changes.changed_at
        and (job_changes.previous_changed_at is null or opportunities.created_at >= job_changes.previous_changed_at)
