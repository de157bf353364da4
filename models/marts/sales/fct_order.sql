with

orders as (
    select * from {{ ref('stg_crm__orders') }}
    where
        not coalesce(is_deleted, false)
        and ordered_at <= {{ as_of() }}
),

opportunities as (
    select * from {{ ref('stg_crm__opportunities') }}
),

crm_accounts as (
    select * from {{ ref('int_identity__crm_accounts') }}
),

crm_persons as (
    select * from {{ ref('int_identity__crm_persons') }}
    where object_type = 'contact'
),

job_changes as (
    select * from {{ ref('int_lifecycle__job_changes') }}
),

persons as (
    select * from {{ ref('int_identity__persons') }}
),

rates as (
    select * from {{ ref('int_finance__exchange_rates') }}
),

reporting as (
    select currency as reporting_currency from {{ ref('reporting_currency') }}
)

select
    orders.record_id as order_record_id,
    orders.order_id,
    orders.source_system,
    opportunities.record_id as opportunity_record_id,
    persons.person_id,
    coalesce(crm_accounts.account_id, job_changes.from_account_id, persons.account_id) as account_id,
    orders.product_id,
    coalesce(orders.kind, 'unknown') as order_kind,
    coalesce({{ blank_to_null('upper(orders.currency)') }}, 'unknown') as currency,
    reporting.reporting_currency,
    {{ format_month('orders.ordered_at') }} as ordered_month,
    orders.amount,
    cast(round(cast(orders.amount as double) * rates.rate, 2) as decimal(18, 2)) as reporting_amount,
    orders.paid_amount,
    orders.opportunity_id is not null as has_opportunity,
    rates.rate is not null as is_converted,
    orders.ordered_at,
    case when orders.paid_at <= {{ as_of() }} then orders.paid_at end as paid_at,
    orders.starts_on,
    orders.ends_on
from orders
cross join reporting
left join opportunities
    on
        orders.source_system = opportunities.source_system
        and orders.opportunity_id = opportunities.opportunity_id
left join crm_accounts
    on
        orders.source_system = crm_accounts.source_system
        and orders.account_id = crm_accounts.crm_account_id
left join crm_persons
    on
        orders.source_system = crm_persons.source_system
        and orders.contact_id = crm_persons.object_id
left join persons
    on crm_persons.person_id = persons.person_id
-- without an account of its own: where the contact worked then, the account that the next change of employer left
left join job_changes
    on
        crm_persons.person_id = job_changes.person_id
        and orders.ordered_at < job_changes.changed_at
        and (job_changes.previous_changed_at is null or orders.ordered_at >= job_changes.previous_changed_at)
left join rates
    on
        upper(orders.currency) = rates.currency
        and cast(orders.ordered_at as date) >= rates.valid_from
        and (rates.valid_to is null or cast(orders.ordered_at as date) < rates.valid_to)
