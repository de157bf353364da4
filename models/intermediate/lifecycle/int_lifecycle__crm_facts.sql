with

status_history as (
    select * from {{ ref('stg_crm__status_history') }}
),

leads as (
    select * from {{ ref('stg_crm__leads') }}
),

contacts as (
    select * from {{ ref('stg_crm__contacts') }}
),

orders as (
    select * from {{ ref('stg_crm__orders') }}
),

activities as (
    select * from {{ ref('stg_crm__activities') }}
),

opportunity_periods as (
    select * from {{ ref('int_lifecycle__opportunity_periods') }}
),

crm_persons as (
    select * from {{ ref('int_identity__crm_persons') }}
),

objects as (
    select
        source_system,
        'lead' as object_type,
        lead_id as object_id,
        record_id,
        status,
        coalesce(updated_at, created_at) as changed_at,
        is_date_only,
        coalesce(is_deleted, false) as is_deleted
    from leads

    union all

    select
        source_system,
        'contact' as object_type,
        contact_id as object_id,
        record_id,
        status,
        coalesce(updated_at, created_at) as changed_at,
        is_date_only,
        coalesce(is_deleted, false) as is_deleted
    from contacts
),

recorded_changes as (
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
    left join objects
        on
            lower(status_history.object_type) = objects.object_type
            and status_history.object_id = objects.object_id
            and status_history.source_system = objects.source_system
    where not coalesce(objects.is_deleted, false)
),

recorded as (
    select distinct
        source_system,
        object_type,
        object_id
    from recorded_changes
),

-- a system without a history shows only where an object stands now, and since when it was last saved
standing_objects as (
    select
        objects.source_system,
        objects.object_type,
        objects.object_id,
        objects.record_id,
        'crm.' || objects.object_type || 's' as source_table,
        'status' as field,
        objects.status as value,
        objects.changed_at as occurred_at,
        objects.is_date_only
    from objects
    left join recorded
        on
            objects.object_type = recorded.object_type
            and objects.object_id = recorded.object_id
            and objects.source_system = recorded.source_system
    where
        recorded.object_id is null
        and objects.status is not null
        and not objects.is_deleted
),

object_facts as (
    select * from recorded_changes
    union all
    select * from standing_objects
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
        object_facts.source_system
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
    from opportunity_periods
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
        object_facts.source_system
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
        is_date_only,
        'opportunity' as object_type,
        opportunity_id as object_id,
        'created' as field,
        '*' as value,
        opportunity_record_id as record_id,
        'crm.opportunities' as source_table,
        source_system
    from opportunity_periods
    where person_id is not null
),

opportunity_closings as (
    select
        person_id,
        closed_at as occurred_at,
        is_date_only and closed_at = date_trunc('day', closed_at) as is_date_only,
        'opportunity' as object_type,
        opportunity_id as object_id,
        'is_won' as field,
        case when is_won then 'true' else 'false' end as value,
        opportunity_record_id as record_id,
        'crm.opportunities' as source_table,
        source_system
    from opportunity_periods
    where person_id is not null and closed_at is not null
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
        orders.source_system
    from orders
    inner join crm_persons
        on
            orders.contact_id = crm_persons.object_id
            and crm_persons.object_type = 'contact'
            and orders.source_system = crm_persons.source_system
    where orders.opportunity_id is null
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
        activities.source_system
    from activities
    inner join crm_persons
        on
            activities.object_id = crm_persons.object_id
            and activities.source_system = crm_persons.source_system
    where activities.outcome is not null
    qualify row_number() over (
            partition by activities.record_id order by crm_persons.object_type, crm_persons.person_id
        ) = 1
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
    select * from order_facts
    union all
    select * from activity_facts
)

select * from unioned
where occurred_at <= {{ as_of() }}
