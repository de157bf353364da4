{#- Every won deal with the assignment that it came from: the last one that was open by the day on which the deal was opened. -#}
with

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where is_won
),

assignments as (
    select * from {{ ref('fct_assignment') }}
    where state not in ('in_pool', 'left_pool')
),

-- a date without a time is the day's start, so an assignment of the same day comes first
sources as (
    select
        opportunities.opportunity_record_id,
        assignments.assignment_id,
        assignments.assign_to,
        assignments.route
    from opportunities
    inner join assignments
        on
            opportunities.person_id = assignments.person_id
            and opportunities.closed_at >= assignments.assigned_at
            and {{ add_days('opportunities.created_at', 1) }} > assignments.assigned_at
    qualify row_number() over (
            partition by opportunities.opportunity_record_id
            order by assignments.assigned_at desc, assignments.assignment_id asc
        ) = 1
)

select
    opportunities.opportunity_record_id,
    opportunities.person_id,
    opportunities.closed_month,
    coalesce(opportunities.currency, 'unknown') as currency,
    opportunities.amount,
    sources.assignment_id,
    coalesce(sources.assign_to, 'none') as team,
    coalesce(sources.route, 'none') as route
from opportunities
left join sources
    on opportunities.opportunity_record_id = sources.opportunity_record_id
