{#- Who could have been scored at the beginning of each month, and who can be now: known by then, not yet accepted, not disqualified;
    and what became of them. -#}
with

dates as (
    select * from {{ ref('dim_date') }}
    where is_month_start and is_elapsed
),

persons as (
    select * from {{ ref('int_identity__persons') }}
    where identified_at is not null and not is_test
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
    where track = 'acquisition'
),

statuses as (
    select * from {{ ref('fct_lifecycle_status') }}
    where status = 'disqualified'
),

stages as (
    select * from {{ ref('dim_stage') }}
),

outcomes as (
    select * from {{ ref('backtest_outcomes') }}
),

ranked_outcomes as (
    select
        outcomes.outcome,
        outcomes.horizon_days,
        stages.stage_rank
    from outcomes
    inner join stages
        on outcomes.stage = stages.stage
),

first_outcome as (
    select min(stage_rank) as stage_rank
    from ranked_outcomes
),

-- an identified person is known once the first of its records has arrived
arrived as (
    select
        person_id,
        min(arrived_at) as arrived_at
    from record_persons
    group by person_id
),

moments as (
    select
        cast(day as timestamp) as scored_at,
        month as scored_month
    from dates
    union
    select
        {{ as_of() }} as scored_at,
        {{ format_month(as_of()) }} as scored_month
),

cases as (
    select
        moments.scored_at,
        moments.scored_month,
        transitions.person_id,
        transitions.stage,
        transitions.stage_rank,
        transitions.cycle_number,
        transitions.entered_at
    from moments
    inner join transitions
        on
            moments.scored_at > transitions.entered_at
            and (transitions.exited_at is null or moments.scored_at <= transitions.exited_at)
    inner join first_outcome
        on transitions.stage_rank < first_outcome.stage_rank
    inner join persons
        on
            transitions.person_id = persons.person_id
            and moments.scored_at > persons.identified_at
    inner join arrived
        on
            transitions.person_id = arrived.person_id
            and moments.scored_at > arrived.arrived_at
),

muted as (
    select distinct
        cases.scored_at,
        cases.person_id
    from cases
    inner join statuses
        on
            cases.person_id = statuses.person_id
            and cases.scored_at >= statuses.began_at
            and (statuses.ended_at is null or cases.scored_at < statuses.ended_at)
),

reached as (
    select
        cases.scored_at,
        cases.person_id,
        ranked_outcomes.outcome,
        min(transitions.entered_at) as reached_at
    from cases
    cross join ranked_outcomes
    inner join transitions
        on
            cases.person_id = transitions.person_id
            and cases.scored_at <= transitions.entered_at
            and ranked_outcomes.stage_rank <= transitions.stage_rank
    group by cases.scored_at, cases.person_id, ranked_outcomes.outcome
)

select
    cases.scored_at,
    cases.scored_month,
    cases.person_id,
    cases.stage,
    cases.stage_rank,
    cases.cycle_number,
    cases.entered_at as stage_entered_at,
    ranked_outcomes.outcome,
    ranked_outcomes.horizon_days,
    coalesce({{ days_between('cases.scored_at', 'reached.reached_at') }} <= ranked_outcomes.horizon_days, false) as is_positive,
    {{ days_between('cases.scored_at', as_of()) }} >= ranked_outcomes.horizon_days as is_mature
from cases
cross join ranked_outcomes
left join muted
    on
        cases.scored_at = muted.scored_at
        and cases.person_id = muted.person_id
left join reached
    on
        cases.scored_at = reached.scored_at
        and cases.person_id = reached.person_id
        and ranked_outcomes.outcome = reached.outcome
where muted.person_id is null
