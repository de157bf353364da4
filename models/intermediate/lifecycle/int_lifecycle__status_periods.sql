with

acquisition_fold as (
    select * from {{ ref('int_lifecycle__acquisition_fold') }}
),

entries as (
    select * from {{ ref('int_lifecycle__entries') }}
),

statuses as (
    select * from {{ ref('statuses') }}
),

signal_words as (
    select * from {{ ref('signals') }}
),

stages as (
    select * from {{ ref('stages') }}
),

dormant_periods as (
    select * from {{ ref('int_lifecycle__dormant_periods') }}
),

disqualified_periods as (
    select * from {{ ref('int_lifecycle__disqualified_periods') }}
),

-- a return that moved somebody begins the status that its signal names
returned as (
    select
        acquisition_fold.person_id,
        signal_words.status,
        acquisition_fold.occurred_at as began_at,
        acquisition_fold.signal as cause,
        acquisition_fold.record_id,
        statuses.ends_with
    from acquisition_fold
    inner join signal_words
        on acquisition_fold.signal = signal_words.signal
    inner join statuses
        on signal_words.status = statuses.status
    where
        acquisition_fold.kind = 'return'
        and acquisition_fold.rank_after < acquisition_fold.rank_before
),

-- the next rise to the stage that ends it, or past that stage, is its end; so is the next beginning of the same status
ends as (
    select
        returned.person_id,
        returned.status,
        returned.began_at,
        min(entries.entered_at) as ended_at
    from returned
    inner join stages
        on returned.ends_with = stages.stage
    inner join entries
        on
            returned.person_id = entries.person_id
            and stages.stage_rank <= entries.stage_rank
            and returned.began_at < entries.entered_at
    where entries.direction not in ('return', 'new_cycle')
    group by
        returned.person_id,
        returned.status,
        returned.began_at
),

returned_periods as (
    select
        returned.person_id,
        returned.status,
        returned.began_at,
        case
            when lead(returned.began_at) over same_status < coalesce(ends.ended_at, timestamp '9999-12-31')
                then lead(returned.began_at) over same_status
            else ends.ended_at
        end as ended_at,
        returned.cause,
        returned.record_id
    from returned
    left join ends
        on
            returned.person_id = ends.person_id
            and returned.status = ends.status
            and returned.began_at = ends.began_at
    window same_status as (
        partition by returned.person_id, returned.status order by returned.began_at, returned.record_id
    )
)

select
    person_id,
    status,
    began_at,
    ended_at,
    cause,
    record_id
from returned_periods

union all

select
    person_id,
    'dormant' as status,
    began_at,
    ended_at,
    'no_engagement' as cause,
    record_id
from dormant_periods

union all

select
    person_id,
    'disqualified' as status,
    began_at,
    ended_at,
    'disqualified' as cause,
    record_id
from disqualified_periods
