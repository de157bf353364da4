with

entries as (
    select * from {{ ref('int_lifecycle__entries') }}
),

submissions as (
    select * from {{ ref('int_lifecycle__submissions') }}
),

routes as (
    select * from {{ ref('routes') }}
),

-- the newest word on the route: the ledger row's own, else the last submission before it
timeline as (
    select
        person_id,
        occurred_at,
        0 as is_entry,
        route,
        record_id,
        cast(null as varchar) as track,
        cast(null as bigint) as event_number
    from submissions

    union all

    select
        person_id,
        entered_at as occurred_at,
        1 as is_entry,
        route,
        record_id,
        track,
        event_number
    from entries
),

filled as (
    select
        person_id,
        is_entry,
        track,
        event_number,
        last_value(route ignore nulls) over (
            partition by person_id
            order by occurred_at asc, is_entry asc, record_id asc nulls last, event_number asc nulls first
            rows between unbounded preceding and current row
        ) as route
    from timeline
),

route_motions as (
    select
        route,
        min_by(motion, priority) as motion
    from routes
    group by route
)

select
    filled.person_id,
    filled.track,
    filled.event_number,
    filled.route,
    route_motions.motion
from filled
left join route_motions
    on filled.route = route_motions.route
where filled.is_entry = 1
