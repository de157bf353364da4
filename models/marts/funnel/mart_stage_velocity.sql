with

statistics as (
    select * from {{ ref('int_funnel__velocity_statistics') }}
),

survival as (
    select * from {{ ref('int_funnel__velocity_survival') }}
),

slowing as (
    select * from {{ ref('int_funnel__velocity_slowing') }}
),

stages as (
    select * from {{ ref('dim_stage') }}
),

months as (
    select * from {{ ref('dim_date') }}
    where is_month_start
),

sample_sizes as (
    select * from {{ ref('sample_sizes') }}
    where mart = 'mart_stage_velocity'
),

targets as (
    select * from {{ ref('velocity_targets') }}
),

-- the newest target that holds when the month begins, for the whole time when we look
target_periods as (
    select
        transition_kind,
        track,
        from_stage,
        to_stage,
        target_days,
        coalesce(valid_from, timestamp '0001-01-01') as valid_from,
        lead(valid_from) over (
            partition by transition_kind, track, from_stage, to_stage order by valid_from asc nulls first
        ) as valid_to
    from targets
),

as_of_moment as (
    select {{ as_of() }} as looked_at
),

described as (
    select
        statistics.*,
        months.month_starts_on,
        months.is_complete_month,
        coalesce(months.month_starts_on, as_of_moment.looked_at) as target_at
    from statistics
    cross join as_of_moment
    left join months
        on statistics.period = months.month
)

select
    described.transition_kind,
    described.track,
    described.from_stage,
    from_stages.stage_rank as from_stage_rank,
    described.to_stage,
    to_stages.stage_rank as to_stage_rank,
    described.month_basis,
    described.period_type,
    described.period,
    described.month_starts_on,
    described.is_complete_month,
    described.segment_type,
    described.segment_value,
    round(described.mean_days, 6) as mean_days,
    round(described.median_days, 6) as median_days,
    round(described.p75_days, 6) as p75_days,
    round(described.p90_days, 6) as p90_days,
    round(described.sd_days, 6) as sd_days,
    described.n,
    described.n < sample_sizes.minimum_count as is_small_sample,
    target_periods.target_days,
    round(described.mean_days, 6) > target_periods.target_days as is_over_target,
    case described.month_basis when 'entry' then described.entered_count end as entered_count,
    case described.month_basis when 'entry' then described.open_count end as open_count,
    case
        when described.month_basis = 'entry' and described.entered_count > 0
            then cast(described.open_count as double) / described.entered_count
    end as open_share,
    survival.km_median_days,
    survival.short_window_days,
    survival.short_window_share,
    survival.long_window_days,
    survival.long_window_share,
    slowing.trailing_n,
    slowing.trailing_mean_days,
    slowing.change_days,
    slowing.change_share,
    slowing.effect_size,
    slowing.is_slowing,
    case described.month_basis when 'exit' then described.excluded_count end as excluded_count,
    case described.month_basis when 'exit' then described.end_before_start_count end as end_before_start_count
from described
inner join stages as to_stages
    on described.to_stage = to_stages.stage
left join stages as from_stages
    on described.from_stage = from_stages.stage
cross join sample_sizes
left join target_periods
    on
        described.transition_kind = target_periods.transition_kind
        and described.track = target_periods.track
        and described.from_stage = target_periods.from_stage
        and described.to_stage = target_periods.to_stage
        and described.target_at >= target_periods.valid_from
        and (target_periods.valid_to is null or described.target_at < target_periods.valid_to)
left join survival
    on
        described.month_basis = 'entry'
        and described.transition_kind = survival.transition_kind
        and described.track = survival.track
        and described.from_stage = survival.from_stage
        and described.to_stage = survival.to_stage
        and described.segment_type = survival.segment_type
        and described.segment_value = survival.segment_value
        and described.period = survival.period
left join slowing
    on
        described.month_basis = 'exit'
        and described.transition_kind = slowing.transition_kind
        and described.track = slowing.track
        and described.from_stage = slowing.from_stage
        and described.to_stage = slowing.to_stage
        and described.segment_type = slowing.segment_type
        and described.segment_value = slowing.segment_value
        and described.period = slowing.period
