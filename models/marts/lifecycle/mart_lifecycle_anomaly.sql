with

judged_signals as (
    select * from {{ ref('int_lifecycle__judged_signals') }}
),

acquisition_fold as (
    select * from {{ ref('int_lifecycle__acquisition_fold') }}
),

crm_facts as (
    select * from {{ ref('int_lifecycle__crm_facts') }}
),

status_map as (
    select * from {{ ref('crm_status_map') }}
),

opportunity_periods as (
    select * from {{ ref('int_lifecycle__opportunity_periods') }}
),

reopenings as (
    select * from {{ ref('int_lifecycle__opportunity_reopenings') }}
),

expansion_steps as (
    select * from {{ ref('int_lifecycle__expansion_steps') }}
),

orders as (
    select * from {{ ref('stg_crm__orders') }}
),

activities as (
    select * from {{ ref('stg_crm__activities') }}
),

status_history as (
    select * from {{ ref('stg_crm__status_history') }}
),

opportunity_history as (
    select * from {{ ref('stg_crm__opportunity_history') }}
),

crm_persons as (
    select * from {{ ref('int_identity__crm_persons') }}
),

stages as (
    select * from {{ ref('stages') }}
),

signals as (
    select * from {{ ref('signals') }}
),

first_pool as (
    select min(stage_rank) as stage_rank
    from stages
    where is_pool
),

top_stage as (
    select max(stage_rank) as stage_rank
    from stages
),

named as (
    select
        judged_signals.person_id,
        min(judged_signals.occurred_at) as named_at
    from judged_signals
    where judged_signals.signal = 'identified'
    group by judged_signals.person_id
),

later_facts as (
    select
        crm_persons.person_id,
        status_history.changed_at as occurred_at,
        status_history.new_value as signal,
        status_history.record_id
    from status_history
    left join crm_persons
        on
            status_history.source_system = crm_persons.source_system
            and status_history.object_id = crm_persons.object_id
            and lower(status_history.object_type) = crm_persons.object_type

    union all

    select
        crm_persons.person_id,
        orders.ordered_at as occurred_at,
        'order_placed' as signal,
        orders.record_id
    from orders
    left join crm_persons
        on
            orders.source_system = crm_persons.source_system
            and orders.contact_id = crm_persons.object_id
            and crm_persons.object_type = 'contact'
    where not coalesce(orders.is_deleted, false)

    union all

    select
        crm_persons.person_id,
        activities.occurred_at,
        activities.type as signal,
        activities.record_id
    from activities
    left join crm_persons
        on
            activities.source_system = crm_persons.source_system
            and activities.object_id = crm_persons.object_id
            and crm_persons.object_type = 'contact'
    where not coalesce(activities.is_deleted, false)
),

-- a return that found nobody to return
returns_without_effect as (
    select
        acquisition_fold.person_id,
        case
            when not acquisition_fold.is_rejection then 'return_without_effect'
            when
                max(acquisition_fold.rank_before) over (
                    partition by acquisition_fold.person_id order by acquisition_fold.event_number
                ) >= acquisition_fold.needed_rank
                then 'repeated_rejection'
            when acquisition_fold.rank_before >= first_pool.stage_rank then 'rejected_before_mql'
            else 'reject_without_handover'
        end as anomaly,
        acquisition_fold.occurred_at,
        acquisition_fold.signal,
        acquisition_fold.record_id,
        acquisition_fold.kind,
        acquisition_fold.rank_before,
        acquisition_fold.rank_after
    from acquisition_fold
    cross join first_pool
),

closed_expansions as (
    select distinct
        person_id,
        occurred_at,
        signal,
        record_id
    from expansion_steps
    where move = 'close'
),

-- a customer's return that closes an expansion has its effect there
set_aside as (
    select
        judged_signals.person_id,
        case
            when judged_signals.handling = 'held_by_open_opportunity' and judged_signals.is_rejection
                then 'rejected_while_opportunity_open'
            when judged_signals.handling = 'held_by_open_opportunity' then 'lost_while_other_opportunity_open'
            when judged_signals.handling = 'muted_while_disqualified' then 'advance_while_disqualified'
            when judged_signals.handling = 'of_former_employer' then 'fact_of_former_employer'
            when judged_signals.is_rejection then 'rejected_while_customer'
            else 'return_without_effect'
        end as anomaly,
        judged_signals.occurred_at,
        judged_signals.signal,
        judged_signals.record_id
    from judged_signals
    left join closed_expansions
        on
            judged_signals.person_id = closed_expansions.person_id
            and judged_signals.occurred_at = closed_expansions.occurred_at
            and judged_signals.signal = closed_expansions.signal
            and judged_signals.record_id = closed_expansions.record_id
    where
        judged_signals.handling in ('held_by_open_opportunity', 'muted_while_disqualified', 'of_former_employer')
        or (
            judged_signals.handling = 'is_customer_already'
            and judged_signals.kind = 'return'
            and closed_expansions.person_id is null
        )
),

won_early as (
    select
        judged_signals.person_id,
        'won_before_first_contact' as anomaly,
        judged_signals.occurred_at,
        judged_signals.signal,
        judged_signals.record_id
    from judged_signals
    inner join named
        on judged_signals.person_id = named.person_id
    cross join top_stage
    where
        judged_signals.kind = 'advance'
        and judged_signals.target_rank = top_stage.stage_rank
        and judged_signals.occurred_at < named.named_at
),

known_fields as (
    select distinct
        object_type,
        field
    from status_map
),

deal_stages as (
    select
        source_system,
        opportunity_id,
        stage,
        changed_at as occurred_at,
        record_id
    from opportunity_history

    union all

    select
        source_system,
        object_id as opportunity_id,
        new_value as stage,
        changed_at as occurred_at,
        record_id
    from status_history
    where lower(object_type) = 'opportunity' and lower(field) = 'stage'
),

unknown_words as (
    select
        crm_facts.person_id,
        'unmapped_crm_status' as anomaly,
        crm_facts.occurred_at,
        crm_facts.field || ' = ' || coalesce(crm_facts.value, '') as signal,
        crm_facts.record_id
    from crm_facts
    inner join known_fields
        on
            crm_facts.object_type = known_fields.object_type
            and crm_facts.field = known_fields.field
    left join status_map
        on
            crm_facts.object_type = status_map.object_type
            and crm_facts.field = status_map.field
            and crm_facts.value = status_map.value
    where status_map.value is null

    union all

    -- a deal's own stages, told by either history
    select
        opportunity_periods.person_id,
        'unmapped_crm_status' as anomaly,
        deal_stages.occurred_at,
        'stage = ' || deal_stages.stage as signal,
        deal_stages.record_id
    from deal_stages
    inner join opportunity_periods
        on
            deal_stages.source_system = opportunity_periods.source_system
            and deal_stages.opportunity_id = opportunity_periods.opportunity_id
    left join status_map
        on
            status_map.object_type = 'opportunity'
            and status_map.field = 'stage'
            and deal_stages.stage = status_map.value
    where status_map.value is null
),

opportunity_oddities as (
    select
        person_id,
        'opportunity_without_contact' as anomaly,
        opened_at as occurred_at,
        'sales_accepted' as signal,
        opportunity_record_id as record_id
    from opportunity_periods
    where person_id is null

    union all

    select
        person_id,
        'closed_before_created' as anomaly,
        opened_at as occurred_at,
        'sales_accepted' as signal,
        opportunity_record_id as record_id
    from opportunity_periods
    where is_closed_before_created

    union all

    select
        opportunity_periods.person_id,
        'loss_taken_back_the_same_day' as anomaly,
        reopenings.lost_at as occurred_at,
        'opportunity_lost' as signal,
        reopenings.lost_record_id as record_id
    from reopenings
    inner join opportunity_periods
        on
            reopenings.source_system = opportunity_periods.source_system
            and reopenings.opportunity_id = opportunity_periods.opportunity_id
    where reopenings.is_correction
),

-- a customer's flag while an expansion is open joins it and moves nobody
joined_expansions as (
    select
        person_id,
        'opened_while_expansion_open' as anomaly,
        occurred_at,
        signal,
        record_id
    from expansion_steps
    where move = 'join' and source_table like 'crm.%' and not is_carried_over
),

-- what names nobody moves nobody
nobodys_facts as (
    select
        crm_persons.person_id,
        'order_without_contact' as anomaly,
        orders.ordered_at as occurred_at,
        'order_placed' as signal,
        orders.record_id
    from orders
    left join crm_persons
        on
            orders.source_system = crm_persons.source_system
            and orders.contact_id = crm_persons.object_id
            and crm_persons.object_type = 'contact'
    where
        orders.opportunity_id is null
        and crm_persons.person_id is null
        and not coalesce(orders.is_deleted, false)
        and orders.ordered_at <= {{ as_of() }}

    union all

    select
        crm_persons.person_id,
        'status_of_unknown_object' as anomaly,
        status_history.changed_at as occurred_at,
        status_history.new_value as signal,
        status_history.record_id
    from status_history
    left join crm_persons
        on
            status_history.source_system = crm_persons.source_system
            and status_history.object_id = crm_persons.object_id
            and lower(status_history.object_type) = crm_persons.object_type
    where
        lower(status_history.object_type) in ('lead', 'contact')
        and lower(status_history.field) = 'status'
        and crm_persons.person_id is null
        and status_history.changed_at <= {{ as_of() }}
),

dated_ahead as (
    select
        person_id,
        'dated_in_the_future' as anomaly,
        occurred_at,
        signal,
        record_id
    from later_facts
    where occurred_at > {{ as_of() }}
),

unioned as (
    select
        person_id,
        anomaly,
        occurred_at,
        signal,
        record_id
    from returns_without_effect
    -- a lapse is the clock's, nobody's word
    where kind = 'return' and rank_after >= rank_before and signal <> 'lapsed'

    union all

    select * from set_aside

    union all

    select * from won_early

    union all

    select * from unknown_words

    union all

    select * from opportunity_oddities

    union all

    select * from joined_expansions

    union all

    select * from nobodys_facts

    union all

    select * from dated_ahead
)

select distinct
    {{ md5_text(['unioned.person_id', 'unioned.anomaly', 'unioned.occurred_at', 'unioned.record_id', 'unioned.signal']) }} as anomaly_id,
    unioned.person_id,
    unioned.anomaly,
    unioned.occurred_at,
    unioned.signal,
    unioned.record_id,
    signals.meaning as signal_meaning
from unioned
left join signals
    on unioned.signal = signals.signal
