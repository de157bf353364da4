with

assignments as (
    select * from {{ ref('int_routing__assignments') }}
),

owners as (
    select * from {{ ref('int_routing__owners') }}
),

clock_readings as (
    select * from {{ ref('int_routing__clock_readings') }}
),

working_spans as (
    select * from {{ ref('int_routing__working_spans') }}
),

response_slas as (
    select * from {{ ref('response_slas') }}
),

activities as (
    select * from {{ ref('stg_crm__activities') }}
),

stages as (
    select * from {{ ref('dim_stage') }}
),

signals as (
    select * from {{ ref('signals') }}
),

decisions as (
    select * from {{ ref('decisions') }}
),

-- the lowest stage that an acceptance leads to: whoever stands there has been decided on
decided_stage as (
    select min(stages.stage_rank) as stage_rank
    from decisions
    inner join signals
        on decisions.signal = signals.signal
    inner join stages
        on signals.to_stage = stages.stage
    where decisions.decision = 'accepted'
),

-- the team's own row before the one for any team
allowed as (
    select
        assignments.assignment_id,
        min_by(response_slas.sla_hours, case response_slas.assign_to when '*' then 1 else 0 end) as sla_hours
    from assignments
    inner join response_slas
        on
            assignments.route = response_slas.route
            and response_slas.assign_to in (assignments.assign_to, '*')
    where not assignments.is_to_pool
    group by assignments.assignment_id
),

targets as (
    select
        clock_readings.assignment_id,
        clock_readings.calendar,
        allowed.sla_hours,
        clock_readings.assigned_hours + allowed.sla_hours as due_hours
    from clock_readings
    inner join allowed
        on clock_readings.assignment_id = allowed.assignment_id
),

-- the clock read backwards: the span in which the allowed hours are used up
due_timeline as (
    select
        calendar,
        hours_before as worked_hours,
        0 as is_target,
        cast(null as varchar) as assignment_id,
        opens_at,
        hours_before
    from working_spans

    union all

    select
        calendar,
        due_hours as worked_hours,
        1 as is_target,
        assignment_id,
        cast(null as timestamp) as opens_at,
        cast(null as double) as hours_before
    from targets
),

-- hours used up when a span closes are due at its end, not when the next one opens
due_spans as (
    select
        assignment_id,
        is_target,
        worked_hours,
        last_value(opens_at ignore nulls) over so_far as opens_at,
        last_value(hours_before ignore nulls) over so_far as hours_before
    from due_timeline
    window so_far as (
        partition by calendar
        order by round(worked_hours, 6) asc, is_target desc, opens_at asc
        rows between unbounded preceding and current row
    )
),

due as (
    select
        assignment_id,
        {{ add_days('opens_at', '(worked_hours - hours_before) / 24') }} as due_at
    from due_spans
    where is_target = 1 and opens_at is not null
),

described as (
    select
        assignments.*,
        owners.owner_id,
        owners.owner_rule_priority,
        activities.owner_id as touched_by,
        clock_readings.calendar,
        targets.sla_hours,
        due.due_at,
        clock_readings.response_hours,
        clock_readings.decision_hours,
        clock_readings.elapsed_hours,
        not assignments.is_to_pool
        and coalesce(assignments.stage_rank < decided_stage.stage_rank, true) as is_decision_due
    from assignments
    cross join decided_stage
    left join owners
        on assignments.assignment_id = owners.assignment_id
    left join clock_readings
        on assignments.assignment_id = clock_readings.assignment_id
    left join targets
        on assignments.assignment_id = targets.assignment_id
    left join due
        on assignments.assignment_id = due.assignment_id
    left join activities
        on assignments.touch_record_id = activities.record_id
)

select
    -- ids
    assignment_id,
    person_id,
    account_id,
    record_id,
    decision_record_id,
    touch_record_id,

    -- what, to whom and why
    route,
    cause,
    assign_to,
    owner_id,
    owner_rule_priority,
    coalesce(touched_by, decided_by) as handled_by,
    case
        when is_to_pool and next_assigned_at is null then 'in_pool'
        when is_to_pool then 'left_pool'
        when decision is not null then decision
        when next_assigned_at is not null then 'superseded'
        when answered_at is not null then 'answered'
        else 'waiting'
    end as state,
    track,
    stage as stage_at_assignment,
    is_requested,
    is_decision_due,
    request_count,
    decision_signal,
    decision_reason,

    -- segments, frozen at assignment
    channel,
    campaign_id,
    region,
    industry,
    company_size,

    -- when
    assigned_at,
    {{ format_month('assigned_at') }} as assigned_month,
    last_requested_at,
    first_touched_at,
    decided_at,
    answered_at,
    answered_by,
    next_assigned_at,

    -- the clock, in business hours of the region
    calendar,
    sla_hours,
    due_at,
    response_hours,
    decision_hours,
    case when answered_at is null and next_assigned_at is null then elapsed_hours end as waiting_hours,
    case
        when sla_hours is null then null
        when answered_at is not null then response_hours > sla_hours
        when next_assigned_at is not null then null
        else elapsed_hours > sla_hours
    end as is_sla_breached
from described
