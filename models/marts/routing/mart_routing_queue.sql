with

assignments as (
    select * from {{ ref('fct_assignment') }}
),

scores as (
    select * from {{ ref('fct_person_score') }}
),

statuses as (
    select * from {{ ref('fct_lifecycle_status') }}
    where is_open
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
    where is_current
),

disqualified as (
    select distinct person_id
    from statuses
    where status = 'disqualified'
),

current_stages as (
    select
        person_id,
        max_by(stage, stage_rank) as stage,
        max(stage_rank) as stage_rank
    from transitions
    group by person_id
),

-- to answer, to decide on, or to warm up again
open_assignments as (
    select *
    from assignments
    where
        state in ('waiting', 'in_pool')
        or (state = 'answered' and is_decision_due)
)

select
    open_assignments.assignment_id,
    open_assignments.person_id,
    open_assignments.account_id,
    open_assignments.route,
    open_assignments.assign_to,
    open_assignments.owner_id,
    case open_assignments.state
        when 'waiting' then 'first_touch'
        when 'answered' then 'decision'
        else 'new_engagement'
    end as next_step,
    current_stages.stage,
    current_stages.stage_rank,
    open_assignments.region,
    open_assignments.industry,
    open_assignments.channel,
    open_assignments.assigned_at,
    open_assignments.is_requested,
    open_assignments.request_count,
    open_assignments.first_touched_at,
    open_assignments.sla_hours,
    open_assignments.waiting_hours,
    case when open_assignments.state = 'waiting' then open_assignments.sla_hours - open_assignments.waiting_hours end
        as hours_left,
    open_assignments.due_at,
    open_assignments.state = 'waiting' and open_assignments.is_sla_breached as is_overdue,
    scores.score_display as score,
    scores.grade,
    scores.mql_blockers,
    cast(row_number() over (
        order by
            case open_assignments.state when 'waiting' then 1 when 'answered' then 2 else 3 end,
            case when open_assignments.state = 'waiting' then open_assignments.due_at end asc nulls last,
            scores.score_display desc nulls last,
            open_assignments.assigned_at asc,
            open_assignments.assignment_id asc
    ) as bigint) as queue_position
from open_assignments
left join current_stages
    on open_assignments.person_id = current_stages.person_id
left join scores
    on open_assignments.person_id = scores.person_id
left join disqualified
    on open_assignments.person_id = disqualified.person_id
where disqualified.person_id is null
