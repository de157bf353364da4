{#-
    Time to a move with those who are still there, and with the other ways out.

    The median (Kaplan and Meier, 1958) is the day by which half would have made this move if nothing else could end the stay: open cases
    and other exits leave the observation. The shares (Aalen and Johansen, 1978) are what did happen: at each time the share still there
    times the part of them that made this move; every other exit competes, so over all moves out of a stage the shares add up to those who
    left, and never above one.
-#}
{%- set group_keys = [
    'case_type', 'track', 'from_stage', 'span_to_stage', 'segment_type', 'segment_value', 'period_type', 'period',
] -%}

with

cases as (
    select * from {{ ref('int_funnel__velocity_cases') }}
    where entry_month is not null
),

risk as (
    select * from {{ ref('int_funnel__velocity_risk') }}
),

statistics as (
    select * from {{ ref('int_funnel__velocity_statistics') }}
    where month_basis = 'entry'
),

windows as (
    select
        max(case when window_name = 'short' then window_days end) as short_window_days,
        max(case when window_name = 'long' then window_days end) as long_window_days
    from {{ ref('velocity_windows') }}
),

period_types as (
    select 'month' as period_type
    union all
    select 'all' as period_type
),

moves as (
    select
        cases.case_type,
        cases.track,
        cases.from_stage,
        case cases.case_type when 'span' then cases.to_stage else '' end as span_to_stage,
        cases.segment_type,
        cases.segment_value,
        period_types.period_type,
        case period_types.period_type when 'month' then cases.entry_month else 'all' end as period,
        cases.transition_kind,
        cases.to_stage,
        round(cases.observed_days, 6) as observed_days,
        count(*) as move_count
    from cases
    cross join period_types
    where cases.transition_kind in ('step', 'skip', 'span') and cases.days is not null
    group by
        cases.case_type, cases.track, cases.from_stage, case cases.case_type when 'span' then cases.to_stage else '' end,
        cases.segment_type, cases.segment_value, period_types.period_type,
        case period_types.period_type when 'month' then cases.entry_month else 'all' end,
        cases.transition_kind, cases.to_stage, round(cases.observed_days, 6)
),

hazards as (
    select
        moves.*,
        case when moves.observed_days <= windows.short_window_days then 1 else 0 end
        * risk.share_still_there_before * moves.move_count / risk.at_risk_count as short_window_moved_share,
        case when moves.observed_days <= windows.long_window_days then 1 else 0 end
        * risk.share_still_there_before * moves.move_count / risk.at_risk_count as long_window_moved_share,
        moves.move_count = risk.at_risk_count as is_everybody,
        sum(
            case
                when moves.move_count < risk.at_risk_count
                    then ln(1.0 - cast(moves.move_count as double) / risk.at_risk_count)
                else 0.0
            end
        ) over (
            partition by
                moves.case_type, moves.track, moves.from_stage, moves.span_to_stage, moves.segment_type,
                moves.segment_value, moves.period_type, moves.period, moves.transition_kind,
                moves.to_stage
            order by moves.observed_days
            rows between unbounded preceding and current row
        ) as log_share_left
    from moves
    cross join windows
    inner join risk
        on
            moves.case_type = risk.case_type
            and moves.track = risk.track
            and moves.from_stage = risk.from_stage
            and moves.span_to_stage = risk.span_to_stage
            and moves.segment_type = risk.segment_type
            and moves.segment_value = risk.segment_value
            and moves.period_type = risk.period_type
            and moves.period = risk.period
            and moves.observed_days = risk.observed_days
),

-- rounded before it is compared, so that half is half whatever the order of the factors
summed as (
    select
        hazards.case_type,
        hazards.track,
        hazards.from_stage,
        hazards.span_to_stage,
        hazards.segment_type,
        hazards.segment_value,
        hazards.period_type,
        hazards.period,
        hazards.transition_kind,
        hazards.to_stage,
        min(case when hazards.is_everybody or round(exp(hazards.log_share_left), 9) <= 0.5 then hazards.observed_days end)
            as km_median_days,
        cast({{ exact_sum('hazards.short_window_moved_share') }} as double) as short_window_share,
        cast({{ exact_sum('hazards.long_window_moved_share') }} as double) as long_window_share
    from hazards
    group by
        hazards.case_type, hazards.track, hazards.from_stage, hazards.span_to_stage,
        hazards.segment_type, hazards.segment_value, hazards.period_type, hazards.period,
        hazards.transition_kind, hazards.to_stage
),

-- nobody was watched for longer: nothing can be said of a later day, unless nobody is left to do anything
reach as (
    select
        {{ group_keys | join(',\n        ') }},
        max(observed_days) as last_observed_days,
        max(case when exit_count = at_risk_count then 1 else 0 end) = 1 as is_nobody_left
    from risk
    group by {{ group_keys | join(', ') }}
)

select
    statistics.transition_kind,
    statistics.track,
    statistics.from_stage,
    statistics.to_stage,
    statistics.segment_type,
    statistics.segment_value,
    statistics.period_type,
    statistics.period,
    summed.km_median_days,
    windows.short_window_days,
    windows.long_window_days,
    case
        when reach.is_nobody_left or reach.last_observed_days >= windows.short_window_days
            then round(coalesce(summed.short_window_share, 0), 9)
    end as short_window_share,
    case
        when reach.is_nobody_left or reach.last_observed_days >= windows.long_window_days
            then round(coalesce(summed.long_window_share, 0), 9)
    end as long_window_share
from statistics
inner join reach
    on
        case statistics.transition_kind when 'span' then 'span' else 'stage' end = reach.case_type
        and statistics.track = reach.track
        and statistics.from_stage = reach.from_stage
        and case statistics.transition_kind when 'span' then statistics.to_stage else '' end = reach.span_to_stage
        and statistics.segment_type = reach.segment_type
        and statistics.segment_value = reach.segment_value
        and statistics.period_type = reach.period_type
        and statistics.period = reach.period
cross join windows
left join summed
    on
        reach.case_type = summed.case_type
        and reach.track = summed.track
        and reach.from_stage = summed.from_stage
        and reach.span_to_stage = summed.span_to_stage
        and reach.segment_type = summed.segment_type
        and reach.segment_value = summed.segment_value
        and reach.period_type = summed.period_type
        and reach.period = summed.period
        and statistics.transition_kind = summed.transition_kind
        and statistics.to_stage = summed.to_stage
