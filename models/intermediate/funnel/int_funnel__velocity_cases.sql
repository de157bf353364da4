{%- set segments = {
    'all': "'all'", 'channel': 'channel', 'region': 'region', 'industry': 'industry',
    'cycle': 'cast(cycle_number as varchar)', 'importance': 'importance',
} -%}

with

durations as (
    select * from {{ ref('fct_stage_duration') }}
),

spans as (
    select * from {{ ref('int_funnel__spans') }}
),

importance as (
    select * from {{ ref('int_funnel__entry_importance') }}
),

cases as (
    select
        'stage' as case_type,
        transition_id,
        track,
        cycle_number,
        from_stage,
        to_stage,
        transition_kind,
        entry_month,
        exit_month,
        case when is_open then null else stage_days end as days,
        stage_days as observed_days,
        is_open,
        false as is_excluded,
        false as is_end_before_start,
        channel,
        region,
        industry
    from durations
    union all
    select
        'span' as case_type,
        transition_id,
        track,
        cycle_number,
        from_stage,
        to_stage,
        'span' as transition_kind,
        {{ format_month('started_at') }} as entry_month,
        {{ format_month('ended_at') }} as exit_month,
        span_days as days,
        observed_days,
        is_open,
        is_excluded,
        is_end_before_start,
        channel,
        region,
        industry
    from spans
),

described as (
    select
        cases.*,
        importance.importance
    from cases
    inner join importance
        on cases.transition_id = importance.transition_id
),

segmented as (
    {%- for segment_type, segment_value in segments.items() %}
        select
            case_type,
            track,
            from_stage,
            to_stage,
            transition_kind,
            '{{ segment_type }}' as segment_type,
            {{ segment_value }} as segment_value,
            entry_month,
            exit_month,
            days,
            observed_days,
            is_open,
            is_excluded,
            is_end_before_start
        from described
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
)

select * from segmented
