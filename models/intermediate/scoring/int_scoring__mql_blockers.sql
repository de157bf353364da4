with

instants as (
    select * from {{ ref('int_lifecycle__stage_instants') }}
),

points_now as (
    select * from {{ ref('int_scoring__points_now') }}
),

gate_times as (
    select * from {{ ref('int_scoring__gate_times') }}
),

route_gates as (
    select * from {{ ref('int_scoring__route_gates') }}
),

signals as (
    select * from {{ ref('signals') }}
),

thresholds as (
    select * from {{ ref('int_scoring__thresholds') }}
),

returns as (
    select * from {{ ref('int_lifecycle__returns') }}
),

last_returns as (
    select
        person_id,
        max(occurred_at) as last_return_at
    from returns
    group by person_id
),

latest as (
    select
        instants.person_id,
        max_by(instants.score_route, instants.occurred_at) as score_route,
        max(instants.last_qualifying_at) as last_qualifying_at
    from instants
    group by instants.person_id
),

scores as (
    select
        person_id,
        round(sum(case when score_kind = 'fit' then points_now else 0 end), 6) as fit_score,
        round(sum(case when score_kind = 'behaviour' then points_now else 0 end), 6) as behaviour_score,
        round(sum(points_now), 6) as total_score
    from points_now
    group by person_id
),

missing_points as (
    select
        latest.person_id,
        thresholds.score_part || '_score' as blocker
    from latest
    left join scores
        on latest.person_id = scores.person_id
    inner join thresholds
        on
            thresholds.route in ('*', latest.score_route)
            and {{ as_of() }} >= thresholds.valid_from
            and {{ as_of() }} < thresholds.valid_to
    inner join signals
        on
            thresholds.stage = signals.to_stage
            and signals.signal = 'score_reached'
    where
        coalesce(
            case thresholds.score_part
                when 'fit' then scores.fit_score
                when 'behaviour' then scores.behaviour_score
                else scores.total_score
            end, 0
        ) < thresholds.min_points
),

missing_facts as (
    select
        latest.person_id,
        missing.requirement as blocker
    from latest
    inner join route_gates
        on latest.score_route = route_gates.route
    inner join gate_times
        on
            latest.person_id = gate_times.person_id
            and route_gates.gate = gate_times.gate
    cross join unnest(gate_times.missing_requirements) as missing (requirement)
),

missing_engagement as (
    select
        latest.person_id,
        'qualifying_engagement' as blocker
    from latest
    inner join last_returns
        on latest.person_id = last_returns.person_id
    where latest.last_qualifying_at is null or latest.last_qualifying_at <= last_returns.last_return_at
),

unioned as (
    select * from missing_points
    union all
    select * from missing_facts
    union all
    select * from missing_engagement
)

select
    person_id,
    {{ sorted_distinct_array('blocker') }} as mql_blockers
from unioned
group by person_id
