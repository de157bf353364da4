{#- How long each deal stood in each of the CRM's own stages, whatever they are called: no order of stages is assumed. -#}
with

history as (
    select * from {{ ref('stg_crm__opportunity_history') }}
    where changed_at <= {{ as_of() }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

-- a stage that is saved again goes on
changed as (
    select
        opportunities.opportunity_record_id,
        opportunities.opportunity_type,
        case when opportunities.is_won then 'won' when opportunities.is_open then 'open' else 'lost' end as outcome,
        history.stage,
        history.changed_at,
        history.load_sequence,
        history.record_id
    from history
    inner join opportunities
        on
            history.opportunity_id = opportunities.opportunity_id
            and history.source_system = opportunities.source_system
    qualify history.stage is distinct from lag(history.stage) over (
            partition by opportunities.opportunity_record_id
            order by history.changed_at, history.load_sequence, history.record_id
        )
),

followed as (
    select
        *,
        lead(stage) over same_deal as to_stage,
        lead(changed_at) over same_deal as left_at
    from changed
    window same_deal as (partition by opportunity_record_id order by changed_at, load_sequence, record_id)
)

select
    opportunity_record_id,
    coalesce(opportunity_type, 'unknown') as opportunity_type,
    outcome,
    stage as from_stage,
    to_stage,
    changed_at as entered_at,
    left_at,
    record_id,
    {{ days_between('changed_at', 'left_at') }} as stage_days
from followed
