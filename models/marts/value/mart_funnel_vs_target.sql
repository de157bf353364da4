with

targets as (
    select * from {{ ref('funnel_targets') }}
),

steps as (
    select * from {{ ref('funnel_steps') }}
),

cycle_steps as (
    select * from {{ ref('int_finance__cycle_steps') }}
    where side = 'acquisition'
),

conversions as (
    select * from {{ ref('mart_funnel_conversion') }}
    where track = 'acquisition' and segment_type = 'all'
),

sourced_revenue as (
    select * from {{ ref('mart_sourced_revenue') }}
    where period_type = 'month'
),

months as (
    select * from {{ ref('dim_date') }}
    where is_month_start and is_elapsed
),

-- the newest target that holds when the month begins
monthly_targets as (
    select
        months.month,
        months.month_starts_on,
        months.is_complete_month,
        targets.measure,
        targets.subject,
        targets.window_days,
        targets.target_value
    from months
    inner join targets
        on months.month_starts_on >= targets.valid_from
    qualify row_number() over (
            partition by months.month, targets.measure, targets.subject order by targets.valid_from desc
        ) = 1
),

entered as (
    select
        reached_month as month,
        step as subject,
        count(*) as numerator
    from cycle_steps
    group by reached_month, step
),

converted as (
    select
        conversions.cohort_month as month,
        from_steps.step || '>' || to_steps.step as subject,
        conversions.window_days,
        conversions.converted_count as numerator,
        conversions.cohort_count as denominator,
        conversions.is_mature
    from conversions
    inner join steps as from_steps
        on conversions.from_stage = from_steps.stage
    inner join steps as to_steps
        on conversions.to_stage = to_steps.stage
),

sourced as (
    select
        period as month,
        team as subject,
        sum(won_amount) as numerator
    from sourced_revenue
    group by period, team
),

won_in_all as (
    select
        month,
        sum(numerator) as denominator
    from sourced
    group by month
),

measured as (
    select
        monthly_targets.*,
        case monthly_targets.measure
            when 'entered' then cast(coalesce(entered.numerator, 0) as double)
            when 'conversion' then cast(converted.numerator as double) / nullif(converted.denominator, 0)
            when 'sourced_share' then cast(coalesce(sourced.numerator, 0) as double) / nullif(cast(won_in_all.denominator as double), 0)
        end as actual_value,
        case monthly_targets.measure
            when 'conversion' then coalesce(converted.is_mature, false)
            else monthly_targets.is_complete_month
        end as is_final
    from monthly_targets
    left join entered
        on
            monthly_targets.measure = 'entered'
            and monthly_targets.month = entered.month
            and monthly_targets.subject = entered.subject
    left join converted
        on
            monthly_targets.measure = 'conversion'
            and monthly_targets.month = converted.month
            and monthly_targets.subject = converted.subject
            and monthly_targets.window_days = converted.window_days
    left join sourced
        on
            monthly_targets.measure = 'sourced_share'
            and monthly_targets.month = sourced.month
            and monthly_targets.subject = sourced.subject
    left join won_in_all
        on
            monthly_targets.measure = 'sourced_share'
            and monthly_targets.month = won_in_all.month
)

select
    month,
    month_starts_on,
    measure,
    subject,
    cast(window_days as integer) as window_days,
    actual_value,
    target_value,
    actual_value - target_value as difference,
    actual_value / nullif(target_value, 0) as attainment,
    case when is_final then actual_value >= target_value end as is_on_target,
    is_final
from measured
