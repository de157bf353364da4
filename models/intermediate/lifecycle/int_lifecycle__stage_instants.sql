with

instant_scores as (
    select * from {{ ref('int_scoring__instant_scores') }}
),

thresholds as (
    select * from {{ ref('int_scoring__thresholds') }}
),

signals as (
    select * from {{ ref('signals') }}
),

submissions as (
    select * from {{ ref('int_lifecycle__submissions') }}
),

routes as (
    select * from {{ ref('routes') }}
),

returns as (
    select * from {{ ref('int_lifecycle__returns') }}
),

-- the route of the last submission; where a route has no threshold of its own, the one that is tried last serves
scored_routes as (
    select distinct thresholds.route
    from thresholds
    inner join signals
        on thresholds.stage = signals.to_stage
    where signals.signal = 'score_reached'
),

default_route as (
    select max_by(route, priority) as route
    from routes
),

-- at one instant: what was submitted, the instant itself, a return after it, as in the ledger
timeline as (
    select
        person_id,
        occurred_at,
        0 as step,
        route,
        record_id,
        0 as signal_count,
        cast(null as timestamp) as returned_at,
        cast(null as double) as behaviour_score,
        cast(null as double) as fit_score,
        cast(null as double) as total_score,
        cast(null as timestamp) as last_meaningful_at,
        cast(null as timestamp) as last_qualifying_at,
        false as is_known
    from submissions

    union all

    select
        person_id,
        occurred_at,
        1 as step,
        cast(null as varchar) as route,
        cast(null as varchar) as record_id,
        0 as signal_count,
        cast(null as timestamp) as returned_at,
        behaviour_score,
        fit_score,
        total_score,
        last_meaningful_at,
        last_qualifying_at,
        is_known
    from instant_scores

    union all

    select
        person_id,
        occurred_at,
        2 as step,
        cast(null as varchar) as route,
        cast(null as varchar) as record_id,
        signal_count,
        occurred_at as returned_at,
        cast(null as double) as behaviour_score,
        cast(null as double) as fit_score,
        cast(null as double) as total_score,
        cast(null as timestamp) as last_meaningful_at,
        cast(null as timestamp) as last_qualifying_at,
        false as is_known
    from returns
),

walked as (
    select
        *,
        last_value(route ignore nulls) over so_far as last_route,
        sum(signal_count) over so_far as return_count,
        max(returned_at) over so_far as last_return_at
    from timeline
    window so_far as (
        partition by person_id order by occurred_at asc, step asc, record_id asc nulls last
        rows between unbounded preceding and current row
    )
)

select
    walked.person_id,
    walked.occurred_at,
    walked.behaviour_score,
    walked.fit_score,
    walked.total_score,
    walked.last_meaningful_at,
    walked.last_qualifying_at,
    walked.return_count,
    walked.last_return_at,
    coalesce(scored_routes.route, default_route.route) as score_route
from walked
cross join default_route
left join scored_routes
    on walked.last_route = scored_routes.route
where walked.step = 1 and walked.is_known
