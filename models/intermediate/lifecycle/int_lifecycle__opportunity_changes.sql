with

opportunity_history as (
    select * from {{ ref('stg_crm__opportunity_history') }}
),

status_history as (
    select * from {{ ref('stg_crm__status_history') }}
),

status_map as (
    select * from {{ ref('crm_status_map') }}
),

signals as (
    select * from {{ ref('signals') }}
),

recorded as (
    select
        source_system,
        opportunity_id,
        stage,
        changed_at,
        cast(null as varchar) as changed_by,
        record_id,
        'crm.opportunity_history' as source_table,
        is_date_only
    from opportunity_history

    union all

    select
        source_system,
        object_id as opportunity_id,
        new_value as stage,
        changed_at,
        changed_by,
        record_id,
        'crm.status_history' as source_table,
        is_date_only
    from status_history
    where lower(object_type) = 'opportunity' and lower(field) = 'stage'
),

-- a stage of the CRM is lost when the map calls it a return, won when an advance, worked when it means no signal; a word that the map
-- does not know says nothing
recorded_states as (
    select
        recorded.source_system,
        recorded.opportunity_id,
        case signals.kind when 'return' then 'lost' when 'advance' then 'won' else 'open' end as state,
        recorded.changed_at,
        recorded.changed_by,
        recorded.record_id,
        recorded.source_table,
        recorded.is_date_only
    from recorded
    inner join status_map
        on
            status_map.object_type = 'opportunity'
            and status_map.field = 'stage'
            and recorded.stage = status_map.value
    left join signals
        on status_map.signal = signals.signal
    where recorded.changed_at is not null
),

with_history as (
    select distinct
        source_system,
        opportunity_id
    from recorded
),

versions as (
    select
        _source_system as source_system,
        opportunity_id,
        case when closed_at is null then 'open' when is_won then 'won' else 'lost' end as state,
        coalesce(closed_at, updated_at, created_at) as changed_at,
        cast(null as varchar) as changed_by,
        _record_id as record_id,
        'crm.opportunities' as source_table,
        _is_date_only as is_date_only,
        coalesce(updated_at, created_at) as saved_at
    from {{ source('crm', 'opportunities') }}
    where _arrived_at <= {{ as_of() }}
),

-- without a history the saves tell; one whose time contradicts their order corrects what it follows
saved as (
    select
        versions.*,
        lead(versions.changed_at) over save_order as next_changed_at
    from versions
    left join with_history
        on
            versions.source_system = with_history.source_system
            and versions.opportunity_id = with_history.opportunity_id
    where with_history.opportunity_id is null
    window save_order as (
        partition by versions.source_system, versions.opportunity_id
        order by versions.saved_at, versions.changed_at, versions.state
    )
)

select
    source_system,
    opportunity_id,
    state,
    changed_at,
    changed_by,
    record_id,
    source_table,
    is_date_only
from recorded_states
where changed_at <= {{ as_of() }}

union all

select
    source_system,
    opportunity_id,
    state,
    changed_at,
    changed_by,
    record_id,
    source_table,
    is_date_only
from saved
where changed_at <= {{ as_of() }} and (next_changed_at is null or next_changed_at > changed_at)
