with

persons as (
    select * from {{ ref('int_identity__persons') }}
),

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
    where direction = 'inbound'
),

instants as (
    select * from {{ ref('int_lifecycle__stage_instants') }}
),

thresholds as (
    select * from {{ ref('int_scoring__thresholds') }}
),

signals as (
    select * from {{ ref('signals') }}
),

gate_times as (
    select * from {{ ref('int_scoring__gate_times') }}
),

route_gates as (
    select * from {{ ref('int_scoring__route_gates') }}
),

direct_requests as (
    select * from {{ ref('int_lifecycle__direct_requests') }}
),

returns as (
    select * from {{ ref('int_lifecycle__returns') }}
),

first_touches as (
    select
        person_id,
        min(occurred_at) as occurred_at
    from interactions
    group by person_id
),

arrivals as (
    select
        first_touches.person_id,
        first_touches.occurred_at,
        'device_seen' as signal
    from first_touches
    inner join persons
        on first_touches.person_id = persons.person_id
    where persons.identified_at is null or first_touches.occurred_at < persons.identified_at

    union all

    select
        person_id,
        befriended_at as occurred_at,
        'befriended' as signal
    from persons
    where befriended_at is not null and (identified_at is null or befriended_at < identified_at)

    union all

    select
        person_id,
        identified_at as occurred_at,
        'identified' as signal
    from persons
    where identified_at is not null
),

-- all thresholds of a stage and route that are valid on the day must hold
threshold_results as (
    select
        instants.person_id,
        instants.occurred_at,
        thresholds.stage,
        bool_and(
            case thresholds.score_part
                when 'fit' then instants.fit_score
                when 'behaviour' then instants.behaviour_score
                else instants.total_score
            end >= thresholds.min_points
        ) as is_reached
    from instants
    inner join thresholds
        on
            thresholds.route in ('*', instants.score_route)
            and instants.occurred_at >= thresholds.valid_from
            and instants.occurred_at < thresholds.valid_to
    group by
        instants.person_id,
        instants.occurred_at,
        thresholds.stage
),

judged as (
    select
        instants.person_id,
        instants.occurred_at,
        instants.return_count,
        instants.last_return_at,
        instants.last_meaningful_at,
        instants.last_qualifying_at,
        instants.score_route,
        signals.signal,
        threshold_results.is_reached
    from instants
    inner join signals
        on signals.signal in ('engaged', 'target_fit', 'score_reached')
    left join threshold_results
        on
            instants.person_id = threshold_results.person_id
            and instants.occurred_at = threshold_results.occurred_at
            and signals.to_stage = threshold_results.stage
),

reached as (
    select
        judged.person_id,
        judged.occurred_at,
        judged.signal,
        judged.return_count,
        judged.score_route as route
    from judged
    inner join route_gates
        on judged.score_route = route_gates.route
    left join gate_times
        on
            judged.person_id = gate_times.person_id
            and route_gates.gate = gate_times.gate
    where
        case judged.signal
            when 'engaged' then judged.last_meaningful_at is not null and coalesce(judged.is_reached, true)
            when 'target_fit' then judged.last_meaningful_at is not null and coalesce(judged.is_reached, true)
            else
                coalesce(judged.is_reached, false)
                and (route_gates.gate = 'none' or gate_times.complete_at <= judged.occurred_at)
                and (judged.last_return_at is null or judged.last_qualifying_at > judged.last_return_at)
        end
),

-- inside a cycle the stage only rises, so the first instant after each return says all
first_reached as (
    select
        person_id,
        occurred_at,
        signal,
        case when signal = 'score_reached' then route end as route
    from reached
    qualify row_number() over (partition by person_id, signal, return_count order by occurred_at) = 1
),

returned_before as (
    select
        direct_requests.record_id,
        bool_or(returns.occurred_at < direct_requests.submitted_at) as has_return_before,
        bool_or(
            returns.occurred_at >= direct_requests.submitted_at
            and returns.occurred_at < direct_requests.occurred_at
        ) as has_return_while_waiting
    from direct_requests
    inner join returns
        on direct_requests.person_id = returns.person_id
    group by direct_requests.record_id
),

-- a direct submission that waits for its gate is used up by a return; a route may ask for the score after one
directed as (
    select
        direct_requests.person_id,
        direct_requests.occurred_at,
        direct_requests.signal,
        direct_requests.route,
        direct_requests.is_date_only,
        direct_requests.record_id,
        direct_requests.source_table
    from direct_requests
    left join returned_before
        on direct_requests.record_id = returned_before.record_id
    where
        direct_requests.is_gate_complete
        and not coalesce(returned_before.has_return_while_waiting, false)
        and (direct_requests.reentry = 'direct' or not coalesce(returned_before.has_return_before, false))
)

select
    person_id,
    occurred_at,
    false as is_date_only,
    signal,
    cast(null as varchar) as route,
    cast(null as varchar) as record_id,
    cast(null as varchar) as source_table
from arrivals

union all

select
    person_id,
    occurred_at,
    false as is_date_only,
    signal,
    route,
    cast(null as varchar) as record_id,
    cast(null as varchar) as source_table
from first_reached
where signal <> 'score_reached' or '{{ var("mql_source") }}' <> 'crm'

union all

select
    person_id,
    occurred_at,
    is_date_only,
    signal,
    route,
    record_id,
    source_table
from directed
where '{{ var("mql_source") }}' <> 'crm'
