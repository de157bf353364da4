{%- set cell = ['track', 'stage', 'channel', 'campaign_id', 'region', 'industry'] -%}

with

durations as (
    select * from {{ ref('fct_stage_duration') }}
),

passed_stages as (
    select * from {{ ref('int_funnel__passed_stages') }}
),

entries as (
    select
        track,
        from_stage as stage,
        channel,
        campaign_id,
        region,
        industry,
        entry_month as month,
        1 as entered,
        case when is_reentry then 1 else 0 end as reentered,
        0 as passed,
        0 as exited,
        0 as returned
    from durations
),

passes as (
    select
        track,
        stage,
        channel,
        campaign_id,
        region,
        industry,
        {{ format_month('passed_at') }} as month,
        0 as entered,
        0 as reentered,
        1 as passed,
        0 as exited,
        0 as returned
    from passed_stages
),

exits as (
    select
        track,
        from_stage as stage,
        channel,
        campaign_id,
        region,
        industry,
        exit_month as month,
        0 as entered,
        0 as reentered,
        0 as passed,
        1 as exited,
        case when transition_kind = 'return' then 1 else 0 end as returned
    from durations
    where not is_open
),

movements as (
    select * from entries
    union all
    select * from passes
    union all
    select * from exits
)

select
    {{ md5_text(cell) }} as cell_id,
    track,
    stage,
    channel,
    campaign_id,
    region,
    industry,
    month,
    cast(sum(entered) as bigint) as entered_count,
    cast(sum(reentered) as bigint) as reentered_count,
    cast(sum(passed) as bigint) as passed_count,
    cast(sum(exited) as bigint) as exited_count,
    cast(sum(returned) as bigint) as returned_count
from movements
group by {{ cell | join(', ') }}, month
