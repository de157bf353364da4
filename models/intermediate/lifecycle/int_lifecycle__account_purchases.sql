with

opportunity_stints as (
    select * from {{ ref('int_lifecycle__opportunity_stints') }}
    where is_won
),

orders as (
    select * from {{ ref('stg_crm__orders') }}
    where
        opportunity_id is null
        and not coalesce(is_deleted, false)
        and ordered_at <= {{ as_of() }}
),

status_history as (
    select * from {{ ref('stg_crm__status_history') }}
    where lower(object_type) = 'account' and changed_at <= {{ as_of() }}
),

status_map as (
    select * from {{ ref('crm_status_map') }}
),

signals as (
    select * from {{ ref('signals') }}
),

stages as (
    select * from {{ ref('stages') }}
),

crm_persons as (
    select * from {{ ref('int_identity__crm_persons') }}
    where object_type = 'contact'
),

crm_accounts as (
    select * from {{ ref('int_identity__crm_accounts') }}
),

persons as (
    select * from {{ ref('int_identity__persons') }}
),

job_changes as (
    select * from {{ ref('int_lifecycle__job_changes') }}
),

crm_signals as (
    select * from {{ ref('int_lifecycle__crm_signals') }}
    where kind = 'return'
),

top_stage as (
    select stage
    from stages
    qualify row_number() over (order by stage_rank desc) = 1
),

-- the CRM's words that mean a purchase, and those that mean its end
top_words as (
    select
        status_map.object_type,
        status_map.field,
        status_map.value,
        signals.kind
    from status_map
    inner join signals
        on status_map.signal = signals.signal
    cross join top_stage
    where
        (signals.kind = 'advance' and signals.to_stage = top_stage.stage)
        or (signals.kind = 'return' and signals.from_min_stage = top_stage.stage)
),

bought as (
    select
        source_system,
        crm_account_id,
        person_id,
        closed_at as bought_at,
        closing_record_id as record_id
    from opportunity_stints

    union all

    select
        orders.source_system,
        orders.account_id as crm_account_id,
        crm_persons.person_id,
        orders.ordered_at as bought_at,
        orders.record_id
    from orders
    inner join top_words
        on
            top_words.object_type = 'order'
            and top_words.field = 'kind'
            and orders.kind = top_words.value
    left join crm_persons
        on
            orders.source_system = crm_persons.source_system
            and orders.contact_id = crm_persons.object_id
),

-- a purchase that names no account is of the account that its contact was with then
of_accounts as (
    select
        coalesce(crm_accounts.account_id, job_changes.from_account_id, persons.account_id) as account_id,
        bought.person_id,
        bought.bought_at,
        bought.record_id,
        job_changes.changed_at as left_at
    from bought
    left join crm_accounts
        on
            bought.source_system = crm_accounts.source_system
            and bought.crm_account_id = crm_accounts.crm_account_id
    left join persons
        on bought.person_id = persons.person_id
    left join job_changes
        on
            bought.person_id = job_changes.person_id
            and bought.bought_at < job_changes.changed_at
            and (job_changes.previous_changed_at is null or bought.bought_at >= job_changes.previous_changed_at)
),

account_ends as (
    select
        crm_accounts.account_id,
        status_history.changed_at as ended_at
    from status_history
    inner join top_words
        on
            top_words.object_type = 'account'
            and lower(status_history.field) = top_words.field
            and status_history.new_value = top_words.value
            and top_words.kind = 'return'
    inner join crm_accounts
        on
            status_history.source_system = crm_accounts.source_system
            and status_history.object_id = crm_accounts.crm_account_id
),

-- a contact's churn is read from the signals and not from the ledger: who was disqualified when buying is a customer of the account
-- all the same
contact_ends as (
    select
        crm_signals.person_id,
        crm_signals.occurred_at as ended_at
    from crm_signals
    inner join signals
        on crm_signals.signal = signals.signal
    inner join top_stage
        on signals.from_min_stage = top_stage.stage
    where not coalesce(crm_signals.is_of_former_employer, false)
)

-- the account's churn ends all purchases before it, a contact's churn those of that contact; who leaves for another job ends none
select
    of_accounts.account_id,
    of_accounts.person_id,
    of_accounts.bought_at,
    of_accounts.record_id,
    least(
        coalesce(min(account_ends.ended_at), min(contact_ends.ended_at)),
        coalesce(min(contact_ends.ended_at), min(account_ends.ended_at))
    ) as ended_at
from of_accounts
left join account_ends
    on
        of_accounts.account_id = account_ends.account_id
        and of_accounts.bought_at < account_ends.ended_at
left join contact_ends
    on
        of_accounts.person_id = contact_ends.person_id
        and of_accounts.bought_at < contact_ends.ended_at
        and (of_accounts.left_at is null or of_accounts.left_at > contact_ends.ended_at)
where of_accounts.account_id is not null
group by
    of_accounts.account_id,
    of_accounts.person_id,
    of_accounts.bought_at,
    of_accounts.record_id
