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

route_timeline as (
    select
        person_id,
        occurred_at,
        0 as is_moment,
        route,
        record_id
    from submissions

    union all

    select
        person_id,
        occurred_at,
        1 as is_moment,
        cast(null as varchar) as route,
        cast(null as varchar) as record_id
    from instant_scores
),

routed as (
    select
        person_id,
        occurred_at,
        is_moment,
        last_value(route ignore nulls) over (
            partition by person_id order by occurred_at asc, is_moment asc, record_id asc nulls last
            rows between unbounded preceding and current row
        ) as route
    from route_timeline
),

return_timeline as (
    select
        person_id,
        occurred_at,
        1 as is_return,
        signal_count
    from returns

    union all

    select
        person_id,
        occurred_at,
        0 as is_return,
        0 as signal_count
    from instant_scores
),

-- a return at the very instant comes after it, as in the ledger
returned as (
    select
        person_id,
        occurred_at,
        is_return,
        coalesce(sum(signal_count) over (
            partition by person_id order by occurred_at, is_return
            rows between unbounded preceding and 1 preceding
        ), 0) as return_count,
        max(case when is_return = 1 then occurred_at end) over (
            partition by person_id order by occurred_at, is_return
            rows between unbounded preceding and 1 preceding
        ) as last_return_at
    from return_timeline
)

select
    instant_scores.person_id,
    instant_scores.occurred_at,
    instant_scores.behaviour_score,
    instant_scores.fit_score,
    instant_scores.total_score,
    instant_scores.last_meaningful_at,
    instant_scores.last_qualifying_at,
    returned.return_count,
    returned.last_return_at,
    coalesce(scored_routes.route, default_route.route) as score_route
from instant_scores
inner join returned
    on
        instant_scores.person_id = returned.person_id
        and instant_scores.occurred_at = returned.occurred_at
        and returned.is_return = 0
inner join routed
    on
        instant_scores.person_id = routed.person_id
        and instant_scores.occurred_at = routed.occurred_at
        and routed.is_moment = 1
cross join default_route
left join scored_routes
    on routed.route = scored_routes.route
where instant_scores.is_known
