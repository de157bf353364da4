{#-
    Assignments before they are described. What happens while one is open joins it: asking twice is one task.

    Idea: count the decisions and returns before each candidate. Candidates with the same count have nothing between them, so the first
    of them opens the assignment and the next decision ends it. No row looks at another row's result, hence no recursion.
-#}
with

submissions as (
    select * from {{ ref('int_lifecycle__submissions') }}
),

computed_signals as (
    select * from {{ ref('int_lifecycle__computed_signals') }}
    where record_id is not null
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

crm_signals as (
    select * from {{ ref('int_lifecycle__crm_signals') }}
    where not is_held_by_open_opportunity
),

statuses as (
    select * from {{ ref('fct_lifecycle_status') }}
    where status = 'disqualified'
),

handovers as (
    select * from {{ ref('handovers') }}
),

decision_words as (
    select * from {{ ref('decisions') }}
),

routes as (
    select * from {{ ref('routes') }}
),

route_teams as (
    select
        route,
        min_by(assign_to, priority) as assign_to
    from routes
    group by route
),

default_route as (
    select max_by(route, priority) as route
    from routes
),

-- a submission with a signal of its own waits for its gate, as the ledger has it; one with neither is handed over as it comes
requests as (
    select
        submissions.person_id,
        coalesce(computed_signals.occurred_at, submissions.occurred_at) as occurred_at,
        submissions.route,
        submissions.assign_to,
        submissions.is_request,
        submissions.record_id
    from submissions
    left join computed_signals
        on
            submissions.record_id = computed_signals.record_id
            and submissions.signal = computed_signals.signal
    where computed_signals.record_id is not null or (submissions.signal is null and submissions.gate = 'none')
),

-- whoever is out of the funnel is handed to nobody
muted as (
    select distinct requests.record_id
    from requests
    inner join statuses
        on
            requests.person_id = statuses.person_id
            and requests.occurred_at >= statuses.began_at
            and (statuses.ended_at is null or requests.occurred_at < statuses.ended_at)
),

candidates as (
    select
        requests.person_id,
        requests.occurred_at,
        false as is_date_only,
        'submission' as cause,
        requests.route,
        requests.assign_to,
        false as is_to_pool,
        coalesce(requests.is_request, false) as is_request,
        requests.record_id
    from requests
    left join muted
        on requests.record_id = muted.record_id
    where muted.record_id is null

    union all

    select
        transitions.person_id,
        transitions.entered_at as occurred_at,
        transitions.is_date_only,
        transitions.signal as cause,
        coalesce(handovers.route, transitions.route, default_route.route) as route,
        coalesce(handovers.assign_to, route_teams.assign_to) as assign_to,
        handovers.is_to_pool,
        false as is_request,
        transitions.record_id
    from transitions
    inner join handovers
        on transitions.signal = handovers.signal
    cross join default_route
    left join route_teams
        on coalesce(transitions.route, default_route.route) = route_teams.route
),

-- a date without a time holds at the end of its day, for the decision and for the row that it made
timeline as (
    select
        person_id,
        occurred_at,
        case when is_date_only then {{ add_days('occurred_at', '(1 - 0.000001)') }} else occurred_at end as ordered_at,
        1 as phase,
        cause,
        route,
        assign_to,
        is_to_pool,
        is_request,
        record_id
    from candidates

    union all

    select
        crm_signals.person_id,
        crm_signals.occurred_at,
        case
            when crm_signals.is_date_only then {{ add_days('crm_signals.occurred_at', '(1 - 0.000001)') }}
            else crm_signals.occurred_at
        end as ordered_at,
        0 as phase,
        decision_words.decision as cause,
        cast(null as varchar) as route,
        crm_signals.signal as assign_to,
        cast(null as boolean) as is_to_pool,
        false as is_request,
        crm_signals.record_id
    from crm_signals
    inner join decision_words
        on crm_signals.signal = decision_words.signal
),

marked as (
    select
        *,
        coalesce(is_to_pool, false) or phase = 0 or coalesce(lag(is_to_pool) over same_person, false) as is_turn
    from timeline
    window same_person as (
        partition by person_id order by ordered_at, phase, is_to_pool, record_id, cause
    )
)

select
    person_id,
    occurred_at,
    ordered_at,
    phase,
    cause,
    route,
    assign_to,
    is_to_pool,
    is_request,
    record_id,
    sum(case when is_turn then 1 else 0 end) over same_person as chain_number,
    row_number() over same_person as position_number
from marked
window same_person as (
    partition by person_id order by ordered_at, phase, is_to_pool, record_id, cause
    rows between unbounded preceding and current row
)
