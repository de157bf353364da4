with

entries as (
    select * from {{ ref('int_lifecycle__entries') }}
    where track = 'acquisition'
),

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
    where is_engagement
),

stages as (
    select * from {{ ref('stages') }}
),

born as (
    select
        person_id,
        min(entered_at) as entered_at
    from entries
    group by person_id
),

sleepers as (
    select distinct entries.person_id
    from entries
    inner join stages
        on entries.stage = stages.stage
    where stages.dormant_days is not null
),

-- somebody who never engaged is counted from the first ledger row
moments as (
    select
        interactions.person_id,
        interactions.occurred_at,
        interactions.interaction_id as record_id
    from interactions
    inner join sleepers
        on interactions.person_id = sleepers.person_id

    union all

    select
        born.person_id,
        born.entered_at as occurred_at,
        cast(null as varchar) as record_id
    from born
    inner join sleepers
        on born.person_id = sleepers.person_id
),

gaps as (
    select
        person_id,
        occurred_at as quiet_since,
        record_id,
        lead(occurred_at) over (partition by person_id order by occurred_at asc, record_id asc nulls first) as awake_at
    from moments
),

shortest as (
    select min(dormant_days) as dormant_days
    from stages
),

long_gaps as (
    select gaps.*
    from gaps
    cross join shortest
    where {{ days_between('gaps.quiet_since', 'coalesce(gaps.awake_at, ' ~ as_of() ~ ')') }} > shortest.dormant_days
),

-- the stage that is held during the gap decides, so a return in the middle of a gap changes what counts as long
candidates as (
    select
        long_gaps.person_id,
        long_gaps.record_id,
        long_gaps.quiet_since,
        long_gaps.awake_at,
        greatest(
            entries.entered_at,
            {{ add_days('long_gaps.quiet_since', 'stages.dormant_days') }}
        ) as began_at,
        entries.exited_at
    from long_gaps
    inner join entries
        on
            long_gaps.person_id = entries.person_id
            and (long_gaps.awake_at is null or long_gaps.awake_at > entries.entered_at)
            and (entries.exited_at is null or long_gaps.quiet_since < entries.exited_at)
    inner join stages
        on entries.stage = stages.stage
    where stages.dormant_days is not null
)

select
    person_id,
    min(began_at) as began_at,
    awake_at as ended_at,
    max(record_id) as record_id
from candidates
where
    (exited_at is null or began_at < exited_at)
    and (awake_at is null or began_at < awake_at)
    and began_at <= {{ as_of() }}
group by
    person_id,
    quiet_since,
    awake_at
