with

computed_signals as (
    select * from {{ ref('int_lifecycle__computed_signals') }}
),

crm_signals as (
    select * from {{ ref('int_lifecycle__crm_signals') }}
),

lapses as (
    select * from {{ ref('int_lifecycle__lapses') }}
),

signals as (
    select * from {{ ref('signals') }}
),

stages as (
    select * from {{ ref('stages') }}
),

thresholds as (
    select * from {{ ref('int_scoring__thresholds') }}
),

fit_events as (
    select * from {{ ref('int_scoring__fit_events') }}
),

unioned as (
    select
        person_id,
        occurred_at,
        is_date_only,
        signal,
        route,
        record_id,
        source_table,
        cast(null as integer) as lapsing_rank,
        false as is_held_by_open_opportunity,
        false as is_of_former_employer
    from computed_signals

    union all

    select
        person_id,
        occurred_at,
        is_date_only,
        signal,
        cast(null as varchar) as route,
        record_id,
        source_table,
        cast(null as integer) as lapsing_rank,
        is_held_by_open_opportunity,
        is_of_former_employer
    from crm_signals

    union all

    select
        person_id,
        occurred_at,
        false as is_date_only,
        'lapsed' as signal,
        cast(null as varchar) as route,
        record_id,
        cast(null as varchar) as source_table,
        stage_rank as lapsing_rank,
        false as is_held_by_open_opportunity,
        false as is_of_former_employer
    from lapses
),

described as (
    select
        unioned.*,
        signals.kind,
        signals.signal_phase,
        signals.source_priority,
        signals.is_rejection,
        signals.opens_expansion,
        signals.status,
        to_stages.stage_rank as to_rank,
        coalesce(unioned.lapsing_rank, from_stages.stage_rank) as from_min_rank,
        signals.to_stage = 'pool' as is_to_pool
    from unioned
    inner join signals
        on unioned.signal = signals.signal
    left join stages as to_stages
        on signals.to_stage = to_stages.stage
    left join stages as from_stages
        on signals.from_min_stage = from_stages.stage
),

pool_moments as (
    select distinct
        person_id,
        occurred_at
    from described
    where is_to_pool
),

-- the pool is the target stage while the fit holds, else the stage below it
pool_fit as (
    select
        pool_moments.person_id,
        pool_moments.occurred_at,
        round(coalesce(sum(fit_events.points), 0), 6) as fit_score
    from pool_moments
    left join fit_events
        on
            pool_moments.person_id = fit_events.person_id
            and pool_moments.occurred_at >= fit_events.occurred_at
    group by
        pool_moments.person_id,
        pool_moments.occurred_at
),

engaged_since as (
    select
        person_id,
        min(occurred_at) as engaged_at
    from computed_signals
    where signal = 'engaged'
    group by person_id
),

pool_ranks as (
    select
        min(case when is_pool then stage_rank end) as pool_rank,
        min(case when is_pool_with_fit then stage_rank end) as pool_rank_with_fit
    from stages
),

pool_thresholds as (
    select thresholds.*
    from thresholds
    inner join stages
        on thresholds.stage = stages.stage
    where stages.is_pool_with_fit and thresholds.score_part = 'fit' and thresholds.route = '*'
),

targeted as (
    select
        described.*,
        case
            when not described.is_to_pool then described.to_rank
            when
                engaged_since.engaged_at <= described.occurred_at
                and pool_fit.fit_score >= coalesce(pool_thresholds.min_points, 0)
                then coalesce(pool_ranks.pool_rank_with_fit, pool_ranks.pool_rank)
            else pool_ranks.pool_rank
        end as target_rank
    from described
    cross join pool_ranks
    left join pool_fit
        on
            described.person_id = pool_fit.person_id
            and described.occurred_at = pool_fit.occurred_at
    left join engaged_since
        on described.person_id = engaged_since.person_id
    left join pool_thresholds
        on
            described.occurred_at >= pool_thresholds.valid_from
            and described.occurred_at < pool_thresholds.valid_to
),

-- a date without a time is the start of its day where the source is: it opens that day for an advance,
-- and for a return it follows whatever rose above its target on that day
last_timed_advances as (
    select
        targeted.person_id,
        targeted.record_id,
        targeted.signal,
        max(advances.occurred_at) as last_advanced_at
    from targeted
    inner join targeted as advances
        on
            targeted.person_id = advances.person_id
            and targeted.occurred_at <= advances.occurred_at
            and {{ add_days('targeted.occurred_at', 1) }} > advances.occurred_at
            and targeted.target_rank < advances.target_rank
    where
        targeted.is_date_only
        and targeted.kind <> 'advance'
        and advances.kind = 'advance'
        and not advances.is_date_only
    group by
        targeted.person_id,
        targeted.record_id,
        targeted.signal
)

select
    targeted.person_id,
    coalesce(last_timed_advances.last_advanced_at, targeted.occurred_at) as occurred_at,
    targeted.occurred_at as stated_at,
    targeted.is_date_only,
    targeted.signal,
    targeted.kind,
    targeted.signal_phase,
    targeted.source_priority,
    targeted.target_rank,
    targeted.from_min_rank,
    targeted.lapsing_rank as from_max_rank,
    targeted.is_rejection,
    targeted.opens_expansion,
    targeted.status,
    targeted.is_held_by_open_opportunity,
    targeted.is_of_former_employer,
    targeted.route,
    targeted.record_id,
    targeted.source_table
from targeted
left join last_timed_advances
    on
        targeted.person_id = last_timed_advances.person_id
        and targeted.record_id = last_timed_advances.record_id
        and targeted.signal = last_timed_advances.signal
