with

durations as (
    select * from {{ ref('fct_stage_duration') }}
),

moves as (
    select
        track,
        from_stage,
        from_stage_rank,
        to_stage,
        to_stage_rank,
        case transition_kind when 'step' then 'advance' else transition_kind end as direction,
        stage_days
    from durations
    where to_stage is not null
),

counted as (
    select
        track,
        from_stage,
        from_stage_rank,
        to_stage,
        to_stage_rank,
        direction,
        count(*) as n,
        round({{ exact_mean('stage_days') }}, 6) as mean_days,
        round(median(stage_days), 6) as median_days
    from moves
    group by track, from_stage, from_stage_rank, to_stage, to_stage_rank, direction
)

select
    track,
    from_stage,
    from_stage_rank,
    to_stage,
    to_stage_rank,
    direction,
    n,
    cast(n as double) / sum(n) over (partition by track, from_stage) as share_of_moves,
    mean_days,
    median_days
from counted
