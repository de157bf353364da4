{%- set scores = {'total': 'total_score', 'behaviour': 'behaviour_score', 'fit': 'fit_score'} -%}

with

cases as (
    select * from {{ ref('int_scoring__backtest_cases') }}
    where is_mature
),

scores as (
    select * from {{ ref('int_scoring__backtest_scores') }}
),

candidate_thresholds as (
    select * from {{ ref('backtest_thresholds') }}
),

thresholds as (
    select * from {{ ref('int_scoring__thresholds') }}
    where score_part = 'total'
),

signals as (
    select * from {{ ref('signals') }}
    where signal = 'score_reached'
),

confidence_levels as (
    select * from {{ ref('confidence_levels') }}
    where level = 'default'
),

sample_sizes as (
    select * from {{ ref('sample_sizes') }}
    where mart = 'mart_score_backtest'
),

scored as (
    {%- for score_name, column in scores.items() %}
        select
            cases.outcome,
            cases.horizon_days,
            cases.scored_month,
            '{{ score_name }}' as score_name,
            scores.{{ column }} as score,
            cases.is_positive
        from cases
        inner join scores
            on
                cases.scored_at = scores.scored_at
                and cases.person_id = scores.person_id
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

period_types as (
    select 'month' as period_type
    union all
    select 'all' as period_type
),

-- tenths of a month, highest score first; one score is never in two of them
ranked as (
    select
        *,
        rank() over (partition by outcome, score_name, scored_month order by score desc) as score_rank,
        count(*) over (partition by outcome, score_name, scored_month) as month_count
    from scored
),

in_periods as (
    select
        ranked.outcome,
        ranked.horizon_days,
        ranked.score_name,
        ranked.score,
        ranked.is_positive,
        cast(floor(10.0 * (ranked.score_rank - 1) / ranked.month_count) as integer) + 1 as decile,
        period_types.period_type,
        case period_types.period_type when 'month' then ranked.scored_month else 'all' end as period
    from ranked
    cross join period_types
),

bases as (
    select
        outcome,
        score_name,
        period,
        count(*) as base_count,
        count(case when is_positive then 1 end) as base_positive_count
    from in_periods
    group by outcome, score_name, period
),

current_thresholds as (
    select distinct thresholds.min_points
    from thresholds
    inner join signals
        on thresholds.stage = signals.to_stage
    where thresholds.valid_from <= {{ as_of() }} and thresholds.valid_to > {{ as_of() }}
),

tried_thresholds as (
    select min_points from candidate_thresholds
    union
    select min_points from current_thresholds
),

cuts as (
    select
        outcome,
        horizon_days,
        score_name,
        period_type,
        period,
        'decile' as cut_type,
        cast(decile as double) as cut,
        count(*) as person_count,
        count(case when is_positive then 1 end) as positive_count,
        min(score) as lowest_score,
        max(score) as highest_score
    from in_periods
    group by outcome, horizon_days, score_name, period_type, period, decile

    union all

    select
        in_periods.outcome,
        in_periods.horizon_days,
        in_periods.score_name,
        in_periods.period_type,
        in_periods.period,
        'threshold' as cut_type,
        tried_thresholds.min_points as cut,
        count(case when in_periods.score >= tried_thresholds.min_points then 1 end) as person_count,
        count(case when in_periods.score >= tried_thresholds.min_points and in_periods.is_positive then 1 end) as positive_count,
        min(case when in_periods.score >= tried_thresholds.min_points then in_periods.score end) as lowest_score,
        max(case when in_periods.score >= tried_thresholds.min_points then in_periods.score end) as highest_score
    from in_periods
    cross join tried_thresholds
    where in_periods.score_name = 'total'
    group by
        in_periods.outcome, in_periods.horizon_days, in_periods.score_name, in_periods.period_type, in_periods.period,
        tried_thresholds.min_points
)

select
    cuts.outcome,
    cuts.horizon_days,
    cuts.score_name,
    cuts.period_type,
    cuts.period,
    cuts.cut_type,
    cuts.cut,
    cuts.cut_type = 'threshold' and current_thresholds.min_points is not null as is_current_threshold,
    cuts.lowest_score,
    cuts.highest_score,
    cuts.person_count,
    cuts.positive_count,
    bases.base_count,
    bases.base_positive_count,
    cast(cuts.person_count as double) / bases.base_count as flagged_share,
    cast(bases.base_positive_count as double) / bases.base_count as base_rate,
    cast(cuts.positive_count as double) / nullif(cuts.person_count, 0) as precision_rate,
    {{ wilson_bound('cuts.positive_count', 'cuts.person_count', 'confidence_levels.z', -1) }} as precision_low,
    {{ wilson_bound('cuts.positive_count', 'cuts.person_count', 'confidence_levels.z', 1) }} as precision_high,
    cast(cuts.positive_count as double) / nullif(bases.base_positive_count, 0) as recall_rate,
    {{ wilson_bound('cuts.positive_count', 'bases.base_positive_count', 'confidence_levels.z', -1) }} as recall_low,
    {{ wilson_bound('cuts.positive_count', 'bases.base_positive_count', 'confidence_levels.z', 1) }} as recall_high,
    cast(cuts.positive_count as double) / nullif(cuts.person_count, 0)
    / nullif(cast(bases.base_positive_count as double) / bases.base_count, 0) as lift,
    cuts.person_count < sample_sizes.minimum_count as is_small_sample
from cuts
inner join bases
    on
        cuts.outcome = bases.outcome
        and cuts.score_name = bases.score_name
        and cuts.period = bases.period
left join current_thresholds
    on cuts.cut = current_thresholds.min_points
cross join confidence_levels
cross join sample_sizes
