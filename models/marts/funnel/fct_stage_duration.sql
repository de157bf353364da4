with

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

stages as (
    select * from {{ ref('dim_stage') }}
),

-- at one instant a return closes the stage it came from: the higher cycle is the later row
followed as (
    select
        transition_id,
        lead(entered_at) over ledger_order as next_entered_at,
        lead(stage) over ledger_order as next_stage,
        lead(direction) over ledger_order as next_direction
    from transitions
    window ledger_order as (partition by person_id, track order by entered_at, cycle_number, stage_rank)
),

-- an expansion cycle that was lost closes without a next row; the row after it belongs to another pass
moves as (
    select
        transitions.transition_id,
        case
            when transitions.outcome is null and followed.next_entered_at = transitions.exited_at then followed.next_stage
        end as to_stage,
        case
            when transitions.exited_at is null then 'open'
            when transitions.outcome is not null then transitions.outcome
            when followed.next_entered_at is null or followed.next_entered_at <> transitions.exited_at then 'closed'
            when followed.next_direction = 'advance' then 'step'
            else followed.next_direction
        end as transition_kind
    from transitions
    inner join followed
        on transitions.transition_id = followed.transition_id
)

select
    transitions.transition_id,
    transitions.person_id,
    transitions.account_id,
    transitions.track,
    transitions.cycle_number,
    transitions.entry_number,
    transitions.stage_label,
    transitions.stage as from_stage,
    transitions.stage_rank as from_stage_rank,
    moves.to_stage,
    stages.stage_rank as to_stage_rank,
    moves.transition_kind,
    transitions.entered_at,
    transitions.exited_at,
    {{ format_month('transitions.entered_at') }} as entry_month,
    {{ format_month('transitions.exited_at') }} as exit_month,
    transitions.stage_days,
    transitions.active_days,
    transitions.exited_at is null as is_open,
    transitions.is_reentry,
    transitions.route,
    transitions.motion,
    transitions.channel,
    transitions.campaign_id,
    transitions.region,
    transitions.industry,
    transitions.company_size
from transitions
inner join moves
    on transitions.transition_id = moves.transition_id
left join stages
    on moves.to_stage = stages.stage
