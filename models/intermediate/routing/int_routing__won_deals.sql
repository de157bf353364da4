{#-
    Everything that was won, deals and orders without one, with the assignment that it came from: the last one that was open by the day on
    which the deal was opened or the order placed.
-#}
with

revenue as (
    select * from {{ ref('int_finance__revenue') }}
),

assignments as (
    select * from {{ ref('fct_assignment') }}
    where state not in ('in_pool', 'left_pool')
),

-- a date without a time is the day's start, so an assignment of the same day comes first
sources as (
    select
        revenue.revenue_id,
        assignments.assignment_id,
        assignments.assign_to,
        assignments.route
    from revenue
    inner join assignments
        on
            revenue.person_id = assignments.person_id
            and {{ add_days('revenue.opened_at', 1) }} > assignments.assigned_at
            and (revenue.revenue_kind = 'order' or revenue.won_at >= assignments.assigned_at)
    qualify row_number() over (
            partition by revenue.revenue_id
            order by assignments.assigned_at desc, assignments.assignment_id asc
        ) = 1
)

select
    revenue.revenue_id,
    case when revenue.revenue_kind = 'opportunity' then revenue.revenue_id end as opportunity_record_id,
    revenue.person_id,
    revenue.won_month as closed_month,
    sources.assignment_id,
    coalesce(sources.assign_to, 'none') as team,
    coalesce(sources.route, 'none') as route
from revenue
left join sources
    on revenue.revenue_id = sources.revenue_id
