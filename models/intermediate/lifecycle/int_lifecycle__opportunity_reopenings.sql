with

opportunity_changes as (
    select * from {{ ref('int_lifecycle__opportunity_changes') }}
),

business_day as (
    select * from {{ ref('business_day') }}
),

ever_lost as (
    select distinct
        source_system,
        opportunity_id
    from opportunity_changes
    where state = 'lost'
),

-- at one instant a deal is worked before it is closed
in_order as (
    select
        opportunity_changes.*,
        lag(opportunity_changes.state) over change_order as state_before
    from opportunity_changes
    inner join ever_lost
        on
            opportunity_changes.source_system = ever_lost.source_system
            and opportunity_changes.opportunity_id = ever_lost.opportunity_id
    window change_order as (
        partition by opportunity_changes.source_system, opportunity_changes.opportunity_id
        order by
            opportunity_changes.changed_at asc,
            case opportunity_changes.state when 'open' then 0 when 'lost' then 1 else 2 end asc,
            opportunity_changes.record_id asc
    )
),

turns as (
    select
        *,
        lead(changed_at) over turn_order as next_changed_at,
        lead(changed_by) over turn_order as next_changed_by,
        lead(record_id) over turn_order as next_record_id,
        lead(source_table) over turn_order as next_source_table,
        lead(is_date_only) over turn_order as next_is_date_only
    from in_order
    where state is distinct from state_before
    window turn_order as (
        partition by source_system, opportunity_id
        order by changed_at asc, case state when 'open' then 0 when 'lost' then 1 else 2 end asc, record_id asc
    )
)

select
    turns.source_system,
    turns.opportunity_id,
    turns.changed_at as lost_at,
    turns.record_id as lost_record_id,
    turns.source_table as lost_source_table,
    turns.is_date_only as is_lost_date_only,
    turns.next_changed_at as reopened_at,
    turns.next_record_id as reopened_record_id,
    turns.next_source_table as reopened_source_table,
    turns.next_is_date_only as is_reopened_date_only,
    -- taken back on the company's day itself by whoever set it, it was a slip of the hand
    {{ local_day('turns.changed_at', 'business_day.time_zone') }}
    = {{ local_day('turns.next_changed_at', 'business_day.time_zone') }}
    and coalesce(turns.changed_by, '') = coalesce(turns.next_changed_by, '') as is_correction
from turns
cross join business_day
where turns.state = 'lost' and turns.next_changed_at is not null
