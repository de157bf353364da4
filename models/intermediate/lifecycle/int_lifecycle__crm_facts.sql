with

status_history as (
    select * from {{ ref('stg_crm__status_history') }}
),

deleted_leads as (
    select * from {{ ref('stg_crm__leads') }}
    where is_deleted
),

deleted_contacts as (
    select * from {{ ref('stg_crm__contacts') }}
    where is_deleted
),

object_statuses as (
    select * from {{ ref('int_lifecycle__object_statuses') }}
),

orders as (
    select * from {{ ref('stg_crm__orders') }}
),

activities as (
    select * from {{ ref('stg_crm__activities') }}
),

opportunity_stints as (
    select * from {{ ref('int_lifecycle__opportunity_stints') }}
),

qualifications as (
    select * from {{ ref('int_lifecycle__opportunity_qualifications') }}
),

job_changes as (
    select * from {{ ref('int_lifecycle__job_changes') }}
),

crm_accounts as (
    select * from {{ ref('int_identity__crm_accounts') }}
),

crm_persons as (
    select * from {{ ref('int_identity__crm_persons') }}
),

deleted_objects as (
    select
        source_system,
        'lead' as object_type,
        lead_id as object_id
    from deleted_leads

    union all

    select
        source_system,
        'contact' as object_type,
        contact_id as object_id
    from deleted_contacts
),

object_facts as (
    select
        status_history.source_system,
        lower(status_history.object_type) as object_type,
        status_history.object_id,
        status_history.record_id,
        'crm.status_history' as source_table,
        lower(status_history.field) as field,
        status_history.new_value as value,
        status_history.changed_at as occurred_at,
        status_history.is_date_only
    from status_history
    left join deleted_objects
        on
            lower(status_history.object_type) = deleted_objects.object_type
            and status_history.object_id = deleted_objects.object_id
            and status_history.source_system = deleted_objects.source_system
    where deleted_objects.object_id is null

    union all

    select
        source_system,
        object_type,
        object_id,
        record_id,
        source_table,
        'status' as field,
        status as value,
        occurred_at,
        is_date_only
    from object_statuses
),

person_object_facts as (
    select
        crm_persons.person_id,
        object_facts.occurred_at,
        object_facts.is_date_only,
        object_facts.object_type,
        object_facts.object_id,
        object_facts.field,
        object_facts.value,
        object_facts.record_id,
        object_facts.source_table,
        object_facts.source_system,
        cast(null as varchar) as crm_account_id
    from object_facts
    inner join crm_persons
        on
            object_facts.object_type = crm_persons.object_type
            and object_facts.object_id = crm_persons.object_id
            and object_facts.source_system = crm_persons.source_system
),

-- what is said of an account is said of those who bought for it
account_buyers as (
    select distinct
        source_system,
        crm_account_id,
        person_id
    from opportunity_stints
    where is_won and person_id is not null and crm_account_id is not null
),

account_facts as (
    select
        account_buyers.person_id,
        object_facts.occurred_at,
        object_facts.is_date_only,
        object_facts.object_type,
        object_facts.object_id,
        object_facts.field,
        object_facts.value,
        object_facts.record_id,
        object_facts.source_table,
        object_facts.source_system,
        account_buyers.crm_account_id
    from object_facts
    inner join account_buyers
        on
            object_facts.object_id = account_buyers.crm_account_id
            and object_facts.source_system = account_buyers.source_system
    where object_facts.object_type = 'account'
),

opportunity_openings as (
    select
        person_id,
        opened_at as occurred_at,
        is_opening_date_only as is_date_only,
        'opportunity' as object_type,
        opportunity_id as object_id,
        case when stint_number = 1 then 'created' else 'reopened' end as field,
        '*' as value,
        opening_record_id as record_id,
        opening_source_table as source_table,
        source_system,
        crm_account_id
    from opportunity_stints
    where person_id is not null
),

opportunity_closings as (
    select
        person_id,
        closed_at as occurred_at,
        is_closing_date_only as is_date_only,
        'opportunity' as object_type,
        opportunity_id as object_id,
        'is_won' as field,
        case when is_won then 'true' else 'false' end as value,
        closing_record_id as record_id,
        closing_source_table as source_table,
        source_system,
        crm_account_id
    from opportunity_stints
    where person_id is not null and closed_at is not null
),

opportunity_qualifications as (
    select
        person_id,
        qualified_at as occurred_at,
        is_date_only,
        'opportunity' as object_type,
        opportunity_id as object_id,
        'qualified' as field,
        'true' as value,
        opportunity_record_id as record_id,
        'crm.opportunities' as source_table,
        source_system,
        crm_account_id
    from qualifications
    where person_id is not null
),

order_facts as (
    select
        crm_persons.person_id,
        orders.ordered_at as occurred_at,
        orders.is_date_only,
        'order' as object_type,
        orders.order_id as object_id,
        'kind' as field,
        orders.kind as value,
        orders.record_id,
        'crm.orders' as source_table,
        orders.source_system,
        orders.account_id as crm_account_id
    from orders
    inner join crm_persons
        on
            orders.contact_id = crm_persons.object_id
            and crm_persons.object_type = 'contact'
            and orders.source_system = crm_persons.source_system
    where orders.opportunity_id is null and not coalesce(orders.is_deleted, false)
),

activity_facts as (
    select
        crm_persons.person_id,
        activities.occurred_at,
        activities.is_date_only,
        'activity' as object_type,
        activities.activity_id as object_id,
        activities.type as field,
        activities.outcome as value,
        activities.record_id,
        'crm.activities' as source_table,
        activities.source_system,
        cast(null as varchar) as crm_account_id
    from activities
    inner join crm_persons
        on
            activities.object_id = crm_persons.object_id
            and activities.source_system = crm_persons.source_system
    where activities.outcome is not null and not coalesce(activities.is_deleted, false)
    qualify row_number() over (
            partition by activities.record_id order by crm_persons.object_type, crm_persons.person_id
        ) = 1
),

employer_facts as (
    select
        person_id,
        changed_at as occurred_at,
        is_date_only,
        'person' as object_type,
        person_id as object_id,
        'employer' as field,
        'changed' as value,
        record_id,
        source_table,
        source_system,
        cast(null as varchar) as crm_account_id
    from job_changes
),

unioned as (
    select * from person_object_facts
    union all
    select * from account_facts
    union all
    select * from opportunity_openings
    union all
    select * from opportunity_closings
    union all
    select * from opportunity_qualifications
    union all
    select * from order_facts
    union all
    select * from activity_facts
    union all
    select * from employer_facts
)

select
    unioned.person_id,
    unioned.occurred_at,
    unioned.is_date_only,
    unioned.object_type,
    unioned.object_id,
    unioned.field,
    unioned.value,
    unioned.record_id,
    unioned.source_table,
    unioned.source_system,
    crm_accounts.account_id
from unioned
left join crm_accounts
    on
        unioned.source_system = crm_accounts.source_system
        and unioned.crm_account_id = crm_accounts.crm_account_id
where unioned.occurred_at <= {{ as_of() }}
