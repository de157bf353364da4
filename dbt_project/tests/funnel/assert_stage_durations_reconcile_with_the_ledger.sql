{{ config(meta={'dagster': {'ref': {'name': 'fct_stage_duration'}}}) }}
-- Days in a stage equal the ledger's two instants to the second, and the stage that follows is the ledger's own next stage.
with

durations as (
    select * from {{ ref('fct_stage_duration') }}
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

compared as (
    select
        transitions.transition_id,
        transitions.next_stage,
        durations.to_stage,
        durations.transition_kind,
        durations.stage_days,
        {{ days_between('transitions.entered_at', 'coalesce(transitions.exited_at, ' ~ as_of() ~ ')') }} as ledger_days
    from transitions
    left join durations
        on transitions.transition_id = durations.transition_id
)

select *
from compared
where
    stage_days is null
    or abs(stage_days - ledger_days) * 86400 > 1
    or coalesce(to_stage, '') <> coalesce(next_stage, '')
    or stage_days < 0
