with

crm_signals as (
    select * from {{ ref('int_lifecycle__crm_signals') }}
),

signals as (
    select * from {{ ref('signals') }}
),

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
    where is_engagement
),

rejections as (
    select
        crm_signals.person_id,
        crm_signals.occurred_at,
        crm_signals.record_id,
        crm_signals.signal,
        signals.score_factor
    from crm_signals
    inner join signals
        on crm_signals.signal = signals.signal
    where
        signals.is_rejection
        and not crm_signals.is_held_by_open_opportunity
        and not coalesce(crm_signals.is_of_former_employer, false)
),

-- what tells two rejections apart: the person did something, or the CRM handed it over again
breaks as (
    select
        interactions.person_id,
        interactions.occurred_at
    from interactions
    where interactions.person_id in (select rejections.person_id from rejections)

    union all

    select
        person_id,
        occurred_at
    from crm_signals
    where is_handover and person_id in (select rejections.person_id from rejections)
),

timeline as (
    select
        person_id,
        occurred_at,
        0 as is_rejection,
        cast(null as varchar) as record_id,
        cast(null as varchar) as signal,
        cast(null as double) as score_factor
    from breaks

    union all

    select
        person_id,
        occurred_at,
        1 as is_rejection,
        record_id,
        signal,
        score_factor
    from rejections
),

with_breaks_before as (
    select
        *,
        sum(1 - is_rejection) over (
            partition by person_id order by occurred_at asc, is_rejection asc, record_id asc nulls first
            rows between unbounded preceding and current row
        ) as breaks_before
    from timeline
),

compared as (
    select
        *,
        lag(breaks_before) over (
            partition by person_id order by occurred_at, record_id
        ) as breaks_before_previous
    from with_breaks_before
    where is_rejection = 1
)

select
    person_id,
    occurred_at,
    record_id,
    signal,
    score_factor,
    row_number() over (partition by person_id order by occurred_at, record_id) as rejection_number
from compared
where breaks_before_previous is null or breaks_before > breaks_before_previous
