{#-
    Is a month slower than the full months before it, and by how much?

    The months before are pooled from their counts, means and variances. Effect: difference of the means in pooled standard deviations with
    Hedges' correction for few cases (Hedges, 1981). Noise: the same difference in standard errors (Welch, 1947).
-#}
{%- set group_keys = ['transition_kind', 'track', 'from_stage', 'to_stage', 'segment_type', 'segment_value'] -%}

with

statistics as (
    select * from {{ ref('int_funnel__velocity_statistics') }}
),

months as (
    select * from {{ ref('dim_date') }}
    where is_month_start
),

alarms as (
    select * from {{ ref('velocity_alarms') }}
    where alarm = 'slowing'
),

sample_sizes as (
    select * from {{ ref('sample_sizes') }}
    where mart = 'mart_stage_velocity'
),

month_numbers as (
    select
        month,
        calendar_year * 12 + calendar_month as month_number,
        is_complete_month
    from months
),

exits as (
    select
        statistics.*,
        month_numbers.month_number,
        month_numbers.is_complete_month
    from statistics
    inner join month_numbers
        on statistics.period = month_numbers.month
    where
        statistics.month_basis = 'exit'
        and statistics.period_type = 'month'
        and statistics.n > 0
),

-- the month in which the first of all entries lies need not be a full one
history as (
    select min(month_numbers.month_number) + 1 as first_full_month
    from statistics
    inner join month_numbers
        on statistics.period = month_numbers.month
    where statistics.month_basis = 'entry'
),

pairs as (
    select
        exits.transition_kind,
        exits.track,
        exits.from_stage,
        exits.to_stage,
        exits.segment_type,
        exits.segment_value,
        exits.period,
        exits.month_number,
        before.n,
        before.mean_days,
        before.sd_days,
        sum(before.n) over same_month as trailing_n,
        sum(before.n * before.mean_days) over same_month / sum(before.n) over same_month as trailing_mean_days
    from exits
    cross join alarms
    inner join exits as before
        on
            exits.transition_kind = before.transition_kind
            and exits.track = before.track
            and exits.from_stage = before.from_stage
            and exits.to_stage = before.to_stage
            and exits.segment_type = before.segment_type
            and exits.segment_value = before.segment_value
            and exits.month_number > before.month_number
            and exits.month_number <= before.month_number + alarms.trailing_months
    window same_month as (
        partition by
            exits.transition_kind, exits.track, exits.from_stage, exits.to_stage, exits.segment_type,
            exits.segment_value, exits.month_number
        order by before.month_number
        rows between unbounded preceding and unbounded following
    )
),

pooled as (
    select
        pairs.transition_kind,
        pairs.track,
        pairs.from_stage,
        pairs.to_stage,
        pairs.segment_type,
        pairs.segment_value,
        pairs.month_number,
        max(pairs.trailing_n) as trailing_n,
        max(pairs.trailing_mean_days) as trailing_mean_days,
        -- within the months and between them
        cast({{ exact_sum(
            '(pairs.n - 1) * coalesce(pairs.sd_days, 0) * coalesce(pairs.sd_days, 0)'
            ~ ' + pairs.n * (pairs.mean_days - pairs.trailing_mean_days) * (pairs.mean_days - pairs.trailing_mean_days)'
        ) }} as double) as trailing_squares
    from pairs
    group by
        pairs.transition_kind, pairs.track, pairs.from_stage, pairs.to_stage, pairs.segment_type,
        pairs.segment_value, pairs.month_number
),

compared as (
    select
        exits.transition_kind,
        exits.track,
        exits.from_stage,
        exits.to_stage,
        exits.segment_type,
        exits.segment_value,
        exits.period,
        exits.n,
        pooled.trailing_n,
        pooled.trailing_mean_days,
        exits.mean_days - pooled.trailing_mean_days as change_days,
        (exits.mean_days - pooled.trailing_mean_days) / nullif(pooled.trailing_mean_days, 0) as change_share,
        (exits.n - 1) * exits.sd_days * exits.sd_days as squares,
        pooled.trailing_squares,
        exits.is_complete_month
        and exits.n >= sample_sizes.minimum_count
        and pooled.trailing_n >= sample_sizes.minimum_count
        and exits.month_number - alarms.trailing_months >= history.first_full_month as is_judged
    from exits
    cross join alarms
    cross join sample_sizes
    cross join history
    inner join pooled
        on
            exits.transition_kind = pooled.transition_kind
            and exits.track = pooled.track
            and exits.from_stage = pooled.from_stage
            and exits.to_stage = pooled.to_stage
            and exits.segment_type = pooled.segment_type
            and exits.segment_value = pooled.segment_value
            and exits.month_number = pooled.month_number
),

measured as (
    select
        *,
        change_days
        / nullif(sqrt((squares + trailing_squares) / (n + trailing_n - 2)), 0)
        * (1 - 3.0 / (4 * (n + trailing_n) - 9)) as effect_size,
        change_days
        / nullif(sqrt(squares / (n - 1) / n + trailing_squares / (trailing_n - 1) / trailing_n), 0) as z
    from compared
    where is_judged
)

select
    measured.transition_kind,
    measured.track,
    measured.from_stage,
    measured.to_stage,
    measured.segment_type,
    measured.segment_value,
    measured.period,
    cast(measured.trailing_n as bigint) as trailing_n,
    round(measured.trailing_mean_days, 6) as trailing_mean_days,
    round(measured.change_days, 6) as change_days,
    round(measured.change_share, 6) as change_share,
    round(measured.effect_size, 6) as effect_size,
    coalesce(
        round(measured.change_share, 6) >= alarms.minimum_slowdown
        and round(measured.effect_size, 6) >= alarms.minimum_effect_size
        and round(measured.z, 6) >= alarms.minimum_z,
        false
    ) as is_slowing
from measured
cross join alarms
