{{ config(meta={'dagster': {'ref': {'name': 'fct_lifecycle_transition'}}}) }}
-- The stage days leave nothing out and count nothing twice: those of the acquisition track from the first entry to as_of, those of an
-- expansion cycle from its opening to the next cycle, its close or as_of.
with

ledger as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

spans as (
    select
        person_id,
        track,
        case when track = 'expansion' then cycle_number end as expansion_cycle,
        sum(stage_days) as stage_days,
        min(entered_at) as began_at,
        max(case when track = 'expansion' then coalesce(exited_at, {{ as_of() }}) else {{ as_of() }} end) as ended_at
    from ledger
    group by
        person_id,
        track,
        case when track = 'expansion' then cycle_number end
)

select
    person_id,
    track,
    expansion_cycle,
    stage_days,
    {{ days_between('began_at', 'ended_at') }} as span_days
from spans
where abs(stage_days - {{ days_between('began_at', 'ended_at') }}) > 1e-6
