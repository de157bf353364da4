{#-
    The risk table of survival analysis: who was still there after so many days, and what share of all had not left yet.

    Kaplan and Meier (1958): the share still there after t is the product over all times up to t of 1 - exits / at risk. Somebody who is
    still there when we look counts as at risk up to that day and not beyond, so an open case neither flatters nor spoils the figure.
-#}
{%- set group_keys = [
    'case_type', 'track', 'from_stage', 'span_to_stage', 'segment_type', 'segment_value', 'period_type', 'period',
] -%}

with

cases as (
    select * from {{ ref('int_funnel__velocity_cases') }}
    where entry_month is not null
),

period_types as (
    select 'month' as period_type
    union all
    select 'all' as period_type
),

-- days on a grid of a millionth, so that equal stays meet at one time
observed as (
    select
        cases.case_type,
        cases.track,
        cases.from_stage,
        case cases.case_type when 'span' then cases.to_stage else '' end as span_to_stage,
        cases.segment_type,
        cases.segment_value,
        period_types.period_type,
        case period_types.period_type when 'month' then cases.entry_month else 'all' end as period,
        round(cases.observed_days, 6) as observed_days,
        cases.is_open
    from cases
    cross join period_types
),

counted as (
    select
        {{ group_keys | join(',\n        ') }},
        observed_days,
        count(*) as observed_count,
        count(case when not is_open then 1 end) as exit_count
    from observed
    group by {{ group_keys | join(', ') }}, observed_days
),

-- whoever is seen for t days is at risk at t
at_risk as (
    select
        *,
        sum(observed_count) over (
            partition by {{ group_keys | join(', ') }}
            order by observed_days desc
            rows between unbounded preceding and current row
        ) as at_risk_count
    from counted
)

-- only at the last time can all who are at risk leave, and no later time asks for the logarithm of nothing
select
    {{ group_keys | join(',\n    ') }},
    observed_days,
    exit_count,
    at_risk_count,
    coalesce(exp(sum(
        case when exit_count < at_risk_count then ln(1.0 - cast(exit_count as double) / at_risk_count) else 0.0 end
    ) over (
        partition by {{ group_keys | join(', ') }}
        order by observed_days asc
        rows between unbounded preceding and 1 preceding
    )), 1.0) as share_still_there_before
from at_risk
