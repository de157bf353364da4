{#-
    Moments at which the clock would send somebody back to the pool, one per silence and stage with lapse_days. Whether the person holds
    exactly that stage then is for the fold to say.

    Everything is joined to the stages that lapse first, so that a company without any pays nothing.
-#}
with

stages as (
    select * from {{ ref('stages') }}
),

signals as (
    select * from {{ ref('signals') }}
),

thresholds as (
    select * from {{ ref('int_scoring__thresholds') }}
),

route_gates as (
    select * from {{ ref('int_scoring__route_gates') }}
),

gate_times as (
    select * from {{ ref('int_scoring__gate_times') }}
),

instants as (
    select * from {{ ref('int_scoring__instants') }}
),

instant_scores as (
    select * from {{ ref('int_scoring__instant_scores') }}
),

persons as (
    select * from {{ ref('int_identity__persons') }}
),

all_direct_requests as (
    select * from {{ ref('int_lifecycle__direct_requests') }}
),

crm_signals as (
    select * from {{ ref('int_lifecycle__crm_signals') }}
),

opportunity_stints as (
    select * from {{ ref('int_lifecycle__opportunity_stints') }}
    where person_id is not null
),

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
    where is_engagement
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
    where has_own_row
),

lapsing as (
    select
        stage_rank,
        lapse_days
    from stages
    where lapse_days is not null
),

-- no row where no stage lapses: what is joined to it is not even read then
shortest as (
    select
        min(lapse_days) as lapse_days,
        min(stage_rank) as lowest_rank
    from lapsing
    having count(*) > 0
),

complete_gates as (
    select gate_times.*
    from gate_times
    cross join shortest
    where gate_times.complete_at is not null
),

direct_requests as (
    select all_direct_requests.*
    from all_direct_requests
    cross join shortest
),

crm_words as (
    select crm_signals.*
    from crm_signals
    cross join shortest
),

top_rank as (
    select max(stage_rank) as stage_rank
    from stages
),

advances as (
    select
        signals.signal,
        stages.stage,
        stages.stage_rank
    from signals
    inner join stages
        on signals.to_stage = stages.stage
    cross join shortest
    where signals.kind = 'advance' and stages.stage_rank >= shortest.lowest_rank
),

scored_routes as (
    select
        thresholds.*,
        route_gates.gate,
        advances.stage_rank
    from thresholds
    inner join advances
        on thresholds.stage = advances.stage and advances.signal = 'score_reached'
    inner join route_gates
        on thresholds.route = route_gates.route
    where '{{ var("mql_source") }}' <> 'crm'
),

route_results as (
    select
        instant_scores.person_id,
        instant_scores.occurred_at,
        scored_routes.route,
        scored_routes.gate,
        scored_routes.stage_rank,
        bool_and(
            case scored_routes.score_part
                when 'fit' then instant_scores.fit_score
                when 'behaviour' then instant_scores.behaviour_score
                else instant_scores.total_score
            end >= scored_routes.min_points
        ) as has_points
    from instant_scores
    inner join scored_routes
        on
            instant_scores.occurred_at >= scored_routes.valid_from
            and instant_scores.occurred_at < scored_routes.valid_to
    group by
        instant_scores.person_id,
        instant_scores.occurred_at,
        scored_routes.route,
        scored_routes.gate,
        scored_routes.stage_rank
),

-- the points of a route and its gate together, whichever route the person was on
judged as (
    select
        route_results.person_id,
        route_results.occurred_at,
        max(route_results.stage_rank) as stage_rank,
        bool_or(
            route_results.has_points
            and (route_results.gate = 'none' or coalesce(complete_gates.complete_at <= route_results.occurred_at, false))
        ) as is_reached
    from route_results
    left join complete_gates
        on
            route_results.person_id = complete_gates.person_id
            and route_results.gate = complete_gates.gate
    group by
        route_results.person_id,
        route_results.occurred_at
),

ever_reached as (
    select distinct person_id
    from judged
    where is_reached
),

compared as (
    select
        judged.*,
        coalesce(lag(judged.is_reached) over (partition by judged.person_id order by judged.occurred_at), false) as was_reached
    from judged
    where judged.person_id in (select ever_reached.person_id from ever_reached)
),

-- what may have led to a stage that lapses, or past it: a word of the CRM, a direct submission, a score that rose to its threshold
leads_up as (
    select
        crm_words.person_id,
        crm_words.occurred_at,
        advances.stage_rank
    from crm_words
    inner join advances
        on crm_words.signal = advances.signal
    where not coalesce(crm_words.is_of_former_employer, false)

    union all

    select
        direct_requests.person_id,
        direct_requests.occurred_at,
        advances.stage_rank
    from direct_requests
    inner join advances
        on direct_requests.signal = advances.signal
    where direct_requests.is_gate_complete and '{{ var("mql_source") }}' <> 'crm'

    union all

    select
        person_id,
        occurred_at,
        stage_rank
    from compared
    where is_reached and not was_reached
),

led_up as (
    select distinct person_id
    from leads_up
),

-- what breaks a silence; a mail that was sent or an edit of the profile does not, unless it lifts the score to its threshold
signs as (
    select
        person_id,
        occurred_at,
        stage_rank
    from leads_up

    union all

    select
        person_id,
        occurred_at,
        0 as stage_rank
    from instants
    where (is_engagement or is_qualifying) and person_id in (select led_up.person_id from led_up)

    union all

    select
        person_id,
        occurred_at,
        0 as stage_rank
    from crm_words
    where person_id in (select led_up.person_id from led_up)

    union all

    select
        person_id,
        submitted_at as occurred_at,
        0 as stage_rank
    from direct_requests
    where person_id in (select led_up.person_id from led_up)

    union all

    select
        person_id,
        identified_at as occurred_at,
        0 as stage_rank
    from persons
    where identified_at is not null and person_id in (select led_up.person_id from led_up)
),

-- within a slice of time as long as the shortest patience nobody lapses, so only its first and its last sign need be sorted
slices as (
    select
        signs.person_id,
        floor({{ epoch_seconds('signs.occurred_at') }} / (shortest.lapse_days * 86400.0)) as slice_number,
        min(signs.occurred_at) as first_at,
        max(signs.occurred_at) as last_at,
        max(signs.stage_rank) as stage_rank
    from signs
    cross join shortest
    group by
        signs.person_id,
        floor({{ epoch_seconds('signs.occurred_at') }} / (shortest.lapse_days * 86400.0))
),

gaps as (
    select
        person_id,
        last_at as quiet_since,
        lead(first_at) over (partition by person_id order by slice_number) as heard_at,
        max(stage_rank) over (
            partition by person_id order by slice_number
            rows between unbounded preceding and current row
        ) as highest_rank
    from slices
),

candidates as (
    select
        gaps.person_id,
        gaps.quiet_since,
        {{ add_days('gaps.quiet_since', 'lapsing.lapse_days') }} as occurred_at,
        lapsing.stage_rank
    from gaps
    inner join lapsing
        on
            gaps.highest_rank >= lapsing.stage_rank
            and {{ add_days('gaps.quiet_since', 'lapsing.lapse_days') }} < coalesce(gaps.heard_at, timestamp '9999-12-31')
    where {{ add_days('gaps.quiet_since', 'lapsing.lapse_days') }} <= {{ as_of() }}
),

-- a deal that is worked says that somebody is, however quiet
held_by_deals as (
    select distinct
        candidates.person_id,
        candidates.occurred_at
    from candidates
    inner join opportunity_stints
        on
            candidates.person_id = opportunity_stints.person_id
            and candidates.occurred_at >= opportunity_stints.opened_at
            and (opportunity_stints.closed_at is null or candidates.occurred_at < opportunity_stints.closed_at)
),

purchases as (
    select
        crm_words.person_id,
        crm_words.kind = 'advance' as is_purchase,
        crm_words.occurred_at as began_at,
        lead(crm_words.occurred_at) over (
            partition by crm_words.person_id
            order by crm_words.occurred_at asc, signals.signal_phase asc, crm_words.record_id asc
        ) as ended_at
    from crm_words
    inner join signals
        on crm_words.signal = signals.signal
    cross join top_rank
    left join stages as to_stages
        on signals.to_stage = to_stages.stage
    left join stages as from_stages
        on signals.from_min_stage = from_stages.stage
    where
        crm_words.person_id in (select candidates.person_id from candidates)
        and not coalesce(crm_words.is_of_former_employer, false)
        and not coalesce(crm_words.is_held_by_open_opportunity, false)
        and (
            (signals.kind = 'advance' and to_stages.stage_rank = top_rank.stage_rank)
            or (signals.kind = 'return' and from_stages.stage_rank = top_rank.stage_rank)
            or signals.signal in ('job_changed', 'requalified')
        )
),

-- a customer's silence would count as a return and shut out the next request
held_by_purchases as (
    select distinct
        candidates.person_id,
        candidates.occurred_at
    from candidates
    inner join purchases
        on
            candidates.person_id = purchases.person_id
            and candidates.occurred_at >= purchases.began_at
            and (purchases.ended_at is null or candidates.occurred_at < purchases.ended_at)
    where purchases.is_purchase
),

records as (
    select
        person_id,
        occurred_at,
        interaction_id as record_id
    from interactions

    union all

    select
        person_id,
        occurred_at,
        record_id
    from crm_words

    union all

    select
        person_id,
        submitted_at as occurred_at,
        record_id
    from direct_requests

    union all

    select
        person_id,
        observed_at as occurred_at,
        record_id
    from record_persons
),

last_records as (
    select
        candidates.person_id,
        candidates.quiet_since,
        max(records.record_id) as record_id
    from records
    inner join candidates
        on
            records.person_id = candidates.person_id
            and records.occurred_at = candidates.quiet_since
    group by
        candidates.person_id,
        candidates.quiet_since
)

select
    candidates.person_id,
    candidates.occurred_at,
    candidates.stage_rank,
    candidates.quiet_since,
    last_records.record_id
from candidates
left join held_by_deals
    on
        candidates.person_id = held_by_deals.person_id
        and candidates.occurred_at = held_by_deals.occurred_at
left join held_by_purchases
    on
        candidates.person_id = held_by_purchases.person_id
        and candidates.occurred_at = held_by_purchases.occurred_at
left join last_records
    on
        candidates.person_id = last_records.person_id
        and candidates.quiet_since = last_records.quiet_since
where held_by_deals.person_id is null and held_by_purchases.person_id is null
