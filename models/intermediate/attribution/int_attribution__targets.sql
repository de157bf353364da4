with

revenue as (
    select * from {{ ref('int_finance__revenue') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

amounts as (
    select * from {{ ref('int_finance__opportunity_amounts') }}
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

rules as (
    select * from {{ ref('attribution_targets') }}
),

steps as (
    select * from {{ ref('funnel_steps') }}
),

cycle_starts as (
    select
        person_id,
        track,
        cycle_number,
        min(entered_at) as cycle_started_at
    from transitions
    group by person_id, track, cycle_number
),

facts as (
    select
        'revenue' as target_type,
        revenue_id as source_id,
        account_id,
        person_id,
        case when purchase_number = 1 then 'acquisition' else 'expansion' end as track,
        cast(null as integer) as cycle_number,
        opened_at,
        won_at as ended_at,
        cast(null as timestamp) as cycle_started_at,
        reporting_amount as amount
    from revenue

    union all

    select
        'pipeline' as target_type,
        opportunities.opportunity_record_id as source_id,
        opportunities.account_id,
        opportunities.person_id,
        cast(null as varchar) as track,
        cast(null as integer) as cycle_number,
        opportunities.created_at as opened_at,
        opportunities.created_at as ended_at,
        cast(null as timestamp) as cycle_started_at,
        coalesce(amounts.reporting_amount, 0) as amount
    from opportunities
    inner join amounts
        on opportunities.opportunity_record_id = amounts.opportunity_record_id

    union all

    select
        rules.target_type,
        transitions.transition_id as source_id,
        transitions.account_id,
        transitions.person_id,
        transitions.track,
        transitions.cycle_number,
        transitions.entered_at as opened_at,
        transitions.entered_at as ended_at,
        case when transitions.cycle_number > 1 then cycle_starts.cycle_started_at end as cycle_started_at,
        cast(null as decimal(18, 2)) as amount
    from transitions
    inner join steps
        on transitions.stage = steps.stage
    inner join rules
        on steps.step = rules.step
    inner join cycle_starts
        on
            transitions.person_id = cycle_starts.person_id
            and transitions.track = cycle_starts.track
            and transitions.cycle_number = cycle_starts.cycle_number
),

-- what an account did after one purchase leads to the next: a deal opened later begins a cycle of its own, one opened before does not
purchases_before as (
    select
        facts.target_type,
        facts.source_id,
        count(*) as purchase_count,
        max(revenue.won_at) as last_won_at
    from facts
    inner join rules
        on facts.target_type = rules.target_type
    inner join revenue
        on
            coalesce(facts.account_id, facts.person_id) = revenue.party_id
            and facts.opened_at >= revenue.won_at
            and facts.source_id <> revenue.revenue_id
    where rules.step is null
    group by facts.target_type, facts.source_id
)

-- a target whose account is not known has its person's touches, and without a person none
select
    {{ md5_text(['facts.target_type', 'facts.source_id']) }} as target_id,
    facts.target_type,
    facts.source_id,
    facts.account_id,
    facts.person_id,
    case when rules.touches_of = 'account' and facts.account_id is not null then 'account' else 'person' end as touches_of,
    case when rules.touches_of = 'account' then coalesce(facts.account_id, facts.person_id) else facts.person_id end as party_id,
    facts.track,
    case when rules.step is null then coalesce(purchases_before.purchase_count, 0) + 1 else facts.cycle_number end as cycle_number,
    greatest(
        {{ add_days('facts.opened_at', '-rules.lookback_days') }},
        case when rules.is_bound_to_cycle then coalesce(facts.cycle_started_at, purchases_before.last_won_at) end
    ) as window_starts_at,
    facts.opened_at,
    facts.ended_at,
    {{ format_month('facts.ended_at') }} as month,
    facts.amount
from facts
inner join rules
    on facts.target_type = rules.target_type
left join purchases_before
    on
        facts.target_type = purchases_before.target_type
        and facts.source_id = purchases_before.source_id
