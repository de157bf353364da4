{#- Every purchase with the pass through the funnel that it came from: the contact's newest one of its side that had begun by then. -#}
with

revenue as (
    select * from {{ ref('int_finance__revenue') }}
),

cycle_steps as (
    select * from {{ ref('int_finance__cycle_steps') }}
),

cycles as (
    select distinct
        person_id,
        side,
        cycle_number,
        channel,
        cohort_started_at,
        cohort_month
    from cycle_steps
),

sided as (
    select
        *,
        case when purchase_number = 1 then 'acquisition' else 'retention' end as side
    from revenue
)

select
    sided.revenue_id,
    sided.side,
    sided.won_at,
    sided.reporting_amount,
    coalesce(cycles.channel, 'unmapped') as channel,
    coalesce(cycles.cohort_month, sided.won_month) as cohort_month,
    cycles.cohort_month is not null as has_cohort
from sided
left join cycles
    on
        sided.person_id = cycles.person_id
        and sided.side = cycles.side
        and sided.won_at >= cycles.cohort_started_at
qualify row_number() over (
        partition by sided.revenue_id order by cycles.cohort_started_at desc nulls last, cycles.cycle_number desc nulls last
    ) = 1
