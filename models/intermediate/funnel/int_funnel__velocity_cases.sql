{%- set segments = {
    'all': "'all'", 'channel': 'channel', 'region': 'region', 'industry': 'industry', 'cycle': 'cast(cycle_number as varchar)',
} -%}

with

durations as (
    select * from {{ ref('fct_stage_duration') }}
),

spans as (
    select * from {{ ref('int_funnel__spans') }}
),

cases as (
    select
        'stage' as case_type,
        track,
        cycle_number,
        from_stage,
        to_stage,
        transition_kind,
        entry_month,
        exit_month,
        case when is_open then null else stage_days end as days,
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
        track,
        cycle_number,
        from_stage,
        to_stage,
        'span' as transition_kind,
        {{ format_month('started_at') }} as entry_month,
        {{ format_month('ended_at') }} as exit_month,
        span_days as days,
        is_open,
        is_excluded,
        is_end_before_start,
        channel,
        region,
        industry
    from spans
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
            is_open,
            is_excluded,
            is_end_before_start
        from cases
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
)

select * from segmented
