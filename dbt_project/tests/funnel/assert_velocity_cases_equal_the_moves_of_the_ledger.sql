{{ config(meta={'dagster': {'ref': {'name': 'mart_stage_velocity'}}}) }}
-- Every step and skip of the ledger is one case of the whole-time row, on both bases; every win is measured or counted as excluded.
with

velocity as (
    select *
    from {{ ref('mart_stage_velocity') }}
    where period_type = 'all' and segment_type = 'all'
),

durations as (
    select * from {{ ref('fct_stage_duration') }}
),

spans as (
    select * from {{ ref('velocity_spans') }}
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

moves as (
    select
        transition_kind,
        track,
        from_stage,
        to_stage,
        count(*) as ledger_count,
        sum(stage_days) as ledger_days
    from durations
    where transition_kind in ('step', 'skip')
    group by transition_kind, track, from_stage, to_stage
),

wins as (
    select
        spans.track,
        spans.from_stage,
        spans.to_stage,
        count(*) as ledger_count
    from spans
    inner join transitions
        on spans.track = transitions.track and spans.to_stage = transitions.stage
    group by spans.track, spans.from_stage, spans.to_stage
),

broken_moves as (
    select
        moves.transition_kind,
        moves.track,
        moves.from_stage,
        moves.to_stage,
        velocity.month_basis,
        moves.ledger_count,
        velocity.n as mart_count
    from moves
    left join velocity
        on
            moves.transition_kind = velocity.transition_kind
            and moves.track = velocity.track
            and moves.from_stage = velocity.from_stage
            and moves.to_stage = velocity.to_stage
    where
        velocity.n is null
        or velocity.n <> moves.ledger_count
        -- the mean is rounded to 1e-6 days
        or abs(velocity.mean_days * velocity.n - moves.ledger_days) > 0.000001 * velocity.n
),

broken_spans as (
    select
        'span' as transition_kind,
        wins.track,
        wins.from_stage,
        wins.to_stage,
        velocity.month_basis,
        wins.ledger_count,
        velocity.n + velocity.excluded_count as mart_count
    from wins
    left join velocity
        on
            velocity.transition_kind = 'span'
            and velocity.month_basis = 'exit'
            and wins.track = velocity.track
            and wins.from_stage = velocity.from_stage
            and wins.to_stage = velocity.to_stage
    where velocity.n is null or velocity.n + velocity.excluded_count <> wins.ledger_count
)

select * from broken_moves
union all
select * from broken_spans
