{%- set group_keys = [
    'transition_kind', 'track', 'from_stage', 'to_stage', 'month_basis', 'segment_type', 'segment_value',
    'period_type', 'period',
] -%}

with

cases as (
    select * from {{ ref('int_funnel__velocity_cases') }}
),

period_types as (
    select 'month' as period_type
    union all
    select 'all' as period_type
),

bases as (
    select 'exit' as month_basis
    union all
    select 'entry' as month_basis
),

measured as (
    select
        cases.transition_kind,
        cases.track,
        cases.from_stage,
        cases.to_stage,
        bases.month_basis,
        cases.segment_type,
        cases.segment_value,
        case bases.month_basis when 'exit' then cases.exit_month else cases.entry_month end as month,
        cases.days,
        0 as entered_count,
        0 as open_count,
        0 as excluded_count,
        0 as end_before_start_count
    from cases
    cross join bases
    where cases.transition_kind in ('step', 'skip', 'span') and cases.days is not null
),

-- ends without a start: counted on the exit month, in no mean
excluded as (
    select
        transition_kind,
        track,
        from_stage,
        to_stage,
        'exit' as month_basis,
        segment_type,
        segment_value,
        exit_month as month,
        cast(null as double) as days,
        0 as entered_count,
        0 as open_count,
        count(*) as excluded_count,
        count(case when is_end_before_start then 1 end) as end_before_start_count
    from cases
    where is_excluded
    group by transition_kind, track, from_stage, to_stage, segment_type, segment_value, exit_month
),

-- all who entered the from-stage, whether or not they moved yet: what the mean of the movers leaves out
entered as (
    select
        case_type,
        track,
        from_stage,
        case case_type when 'span' then to_stage end as span_to_stage,
        segment_type,
        segment_value,
        entry_month as month,
        count(*) as entered_count,
        count(case when is_open then 1 end) as open_count
    from cases
    where entry_month is not null
    group by
        case_type, track, from_stage, case case_type when 'span' then to_stage end, segment_type, segment_value, entry_month
),

-- a span is named beforehand, so it has a row even while nobody has finished it; a step exists once somebody took it
pairs as (
    select
        case transition_kind when 'span' then 'span' else 'stage' end as case_type,
        transition_kind,
        track,
        from_stage,
        to_stage,
        segment_type,
        segment_value
    from measured
    union distinct
    select
        case_type,
        transition_kind,
        track,
        from_stage,
        to_stage,
        segment_type,
        segment_value
    from cases
    where case_type = 'span' and entry_month is not null
),

cohorts as (
    select
        pairs.transition_kind,
        pairs.track,
        pairs.from_stage,
        pairs.to_stage,
        'entry' as month_basis,
        pairs.segment_type,
        pairs.segment_value,
        entered.month,
        cast(null as double) as days,
        entered.entered_count,
        entered.open_count,
        0 as excluded_count,
        0 as end_before_start_count
    from pairs
    inner join entered
        on
            pairs.case_type = entered.case_type
            and pairs.track = entered.track
            and pairs.from_stage = entered.from_stage
            and coalesce(entered.span_to_stage, pairs.to_stage) = pairs.to_stage
            and pairs.segment_type = entered.segment_type
            and pairs.segment_value = entered.segment_value
),

contributions as (
    select * from measured
    union all
    select * from excluded
    union all
    select * from cohorts
),

contributed as (
    select
        contributions.transition_kind,
        contributions.track,
        contributions.from_stage,
        contributions.to_stage,
        contributions.month_basis,
        contributions.segment_type,
        contributions.segment_value,
        contributions.days,
        contributions.entered_count,
        contributions.open_count,
        contributions.excluded_count,
        contributions.end_before_start_count,
        period_types.period_type,
        case period_types.period_type when 'month' then contributions.month else 'all' end as period
    from contributions
    cross join period_types
),

-- a median of months is not the median of the year, so the whole period is computed from the cases too
summed as (
    select
        {{ group_keys | join(',\n        ') }},
        {{ exact_mean('days') }} as mean_days,
        {{ exact_deviation('days') }} as sd_days,
        median(days) as median_days,
        {{ percentile('days', 0.75) }} as p75_days,
        {{ percentile('days', 0.9) }} as p90_days,
        count(days) as n,
        cast(sum(entered_count) as bigint) as entered_count,
        cast(sum(open_count) as bigint) as open_count,
        cast(sum(excluded_count) as bigint) as excluded_count,
        cast(sum(end_before_start_count) as bigint) as end_before_start_count
    from contributed
    group by {{ group_keys | join(', ') }}
)

select * from summed
