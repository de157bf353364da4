with

chains as (
    select * from {{ ref('int_routing__chains') }}
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

interactions as (
    select * from {{ ref('fct_interaction') }}
),

touch_types as (
    select * from {{ ref('touch_types') }}
),

status_history as (
    select * from {{ ref('stg_crm__status_history') }}
),

opened as (
    select
        person_id,
        chain_number,
        min(occurred_at) as assigned_at,
        count(*) as request_count,
        max(occurred_at) as last_requested_at,
        min_by(cause, position_number) as cause,
        min_by(route, position_number) as route,
        min_by(assign_to, position_number) as assign_to,
        min_by(is_to_pool, position_number) as is_to_pool,
        bool_or(is_request) as is_requested,
        min_by(record_id, position_number) as record_id
    from chains
    where phase = 1
    group by
        person_id,
        chain_number
),

-- the decision that comes next, unless the person was handed over again before
decided as (
    select
        chains.person_id,
        chains.chain_number - 1 as chain_number,
        chains.cause as decision,
        chains.assign_to as decision_signal,
        chains.occurred_at as decided_at,
        chains.record_id as decision_record_id,
        status_history.reason as decision_reason,
        status_history.changed_by as decided_by
    from chains
    left join status_history
        on chains.record_id = status_history.record_id
    where chains.phase = 0
),

timed as (
    select
        opened.*,
        lead(opened.assigned_at) over (partition by opened.person_id order by opened.chain_number) as next_assigned_at,
        decided.decision,
        decided.decision_signal,
        case when decided.decided_at is not null then greatest(decided.decided_at, opened.assigned_at) end as decided_at,
        decided.decision_record_id,
        decided.decision_reason,
        decided.decided_by
    from opened
    left join decided
        on
            opened.person_id = decided.person_id
            and opened.chain_number = decided.chain_number
            and not opened.is_to_pool
),

touches as (
    select
        interactions.person_id,
        interactions.occurred_at,
        interactions.interaction_id
    from interactions
    inner join touch_types
        on interactions.interaction_type = touch_types.interaction_type
),

-- a touch answers the assignment that is open when it happens
touched as (
    select
        timed.person_id,
        timed.chain_number,
        min(touches.occurred_at) as first_touched_at
    from timed
    inner join touches
        on
            timed.person_id = touches.person_id
            and timed.assigned_at <= touches.occurred_at
            and (timed.next_assigned_at is null or timed.next_assigned_at > touches.occurred_at)
    where not timed.is_to_pool
    group by
        timed.person_id,
        timed.chain_number
),

first_touches as (
    select
        touched.person_id,
        touched.chain_number,
        touched.first_touched_at,
        min(touches.interaction_id) as touch_record_id
    from touched
    inner join touches
        on
            touched.person_id = touches.person_id
            and touched.first_touched_at = touches.occurred_at
    group by
        touched.person_id,
        touched.chain_number,
        touched.first_touched_at
),

-- what is true of the person then; where both tracks run, the higher stage speaks
situations as (
    select
        timed.person_id,
        timed.chain_number,
        transitions.account_id,
        transitions.track,
        transitions.stage,
        transitions.stage_rank,
        transitions.channel,
        transitions.campaign_id,
        transitions.region,
        transitions.industry,
        transitions.company_size
    from timed
    inner join transitions
        on
            timed.person_id = transitions.person_id
            and timed.assigned_at >= transitions.entered_at
            and (transitions.exited_at is null or timed.assigned_at < transitions.exited_at)
    qualify row_number() over (
            partition by timed.person_id, timed.chain_number
            order by transitions.stage_rank desc, transitions.track asc, transitions.cycle_number desc
        ) = 1
)

select
    {{ md5_text(['timed.person_id', 'timed.chain_number']) }} as assignment_id,
    timed.person_id,
    timed.assigned_at,
    timed.cause,
    timed.route,
    timed.assign_to,
    timed.is_to_pool,
    timed.is_requested,
    timed.record_id,
    timed.request_count,
    timed.last_requested_at,
    timed.next_assigned_at,
    timed.decision,
    timed.decision_signal,
    timed.decided_at,
    timed.decision_record_id,
    timed.decision_reason,
    timed.decided_by,
    first_touches.first_touched_at,
    first_touches.touch_record_id,
    least(
        coalesce(first_touches.first_touched_at, timed.decided_at), coalesce(timed.decided_at, first_touches.first_touched_at)
    ) as answered_at,
    case
        when first_touches.first_touched_at <= coalesce(timed.decided_at, first_touches.first_touched_at) then 'touch'
        when timed.decided_at is not null then 'decision'
    end as answered_by,
    situations.account_id,
    situations.track,
    situations.stage,
    situations.stage_rank,
    coalesce(situations.channel, 'unmapped') as channel,
    coalesce(situations.campaign_id, 'unknown') as campaign_id,
    coalesce(situations.region, 'unknown') as region,
    coalesce(situations.industry, 'unknown') as industry,
    coalesce(situations.company_size, 'unknown') as company_size
from timed
left join first_touches
    on
        timed.person_id = first_touches.person_id
        and timed.chain_number = first_touches.chain_number
left join situations
    on
        timed.person_id = situations.person_id
        and timed.chain_number = situations.chain_number
