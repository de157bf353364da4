{#- On which of the three paths everybody who came in a month was: looking, acting, or a customer already. -#}
with

interactions as (
    select * from {{ ref('fct_interaction') }}
    where is_engagement
),

actions as (
    select interaction_type from {{ ref('intent_actions') }}
),

steps as (
    select * from {{ ref('funnel_steps') }}
    where step = 'customer'
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
    where track = 'acquisition'
),

months as (
    select * from {{ ref('dim_date') }}
    where is_month_start and is_elapsed
),

visits as (
    select
        {{ format_month('interactions.occurred_at') }} as month,
        interactions.person_id,
        count(actions.interaction_type) as act_count,
        count(*) as touch_count
    from interactions
    left join actions
        on interactions.interaction_type = actions.interaction_type
    group by {{ format_month('interactions.occurred_at') }}, interactions.person_id
),

-- who was a customer when the month began; whoever became one in it still came as somebody else
customers as (
    select distinct
        months.month,
        transitions.person_id
    from transitions
    inner join steps
        on transitions.stage = steps.stage
    inner join months
        on
            transitions.entered_at < months.month_starts_on
            and (transitions.exited_at is null or transitions.exited_at >= months.month_starts_on)
)

select
    visits.month,
    months.month_starts_on,
    months.next_month_starts_on,
    months.is_complete_month,
    visits.person_id,
    case
        when customers.person_id is not null then 'customer'
        when visits.act_count > 0 then 'acts'
        else 'looks'
    end as path,
    visits.act_count,
    visits.touch_count
from visits
inner join months
    on visits.month = months.month
left join customers
    on
        visits.month = customers.month
        and visits.person_id = customers.person_id
