with

opportunity_periods as (
    select * from {{ ref('int_lifecycle__opportunity_periods') }}
),

-- budget, need and process are known, or a tender has invited us
qualified_saves as (
    select
        _record_id as opportunity_record_id,
        min(coalesce(updated_at, created_at)) as saved_at
    from {{ source('crm', 'opportunities') }}
    where
        _arrived_at <= {{ as_of() }}
        and (has_budget and has_need and has_process or is_tender_invited)
    group by _record_id
)

-- a deal that is first delivered closed was qualified by then
select
    opportunity_periods.opportunity_record_id,
    opportunity_periods.source_system,
    opportunity_periods.opportunity_id,
    opportunity_periods.crm_account_id,
    opportunity_periods.person_id,
    least(qualified_saves.saved_at, coalesce(opportunity_periods.closed_at, qualified_saves.saved_at)) as qualified_at,
    opportunity_periods.is_date_only
from qualified_saves
inner join opportunity_periods
    on qualified_saves.opportunity_record_id = opportunity_periods.opportunity_record_id
