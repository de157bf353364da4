with

behaviour_events as (
    select * from {{ ref('int_scoring__behaviour_events') }}
    where points <> 0
),

fit_events as (
    select * from {{ ref('int_scoring__fit_events') }}
),

rejections as (
    select * from {{ ref('int_scoring__rejections') }}
),

unioned as (
    select
        person_id,
        occurred_at,
        'behaviour' as score_kind,
        rule_id,
        interaction_id as record_id,
        points,
        half_life_days,
        cast(1 as double) as score_factor,
        why
    from behaviour_events

    union all

    select
        person_id,
        occurred_at,
        'fit' as score_kind,
        rule_id,
        record_id,
        points,
        cast(null as double) as half_life_days,
        cast(1 as double) as score_factor,
        why
    from fit_events

    union all

    select
        person_id,
        occurred_at,
        'rejection' as score_kind,
        signal as rule_id,
        record_id,
        cast(0 as double) as points,
        cast(null as double) as half_life_days,
        score_factor,
        'Rejected: behaviour points earned before count less' as why
    from rejections
)

select
    {{ md5_text(['person_id', 'score_kind', 'rule_id', 'occurred_at', 'record_id']) }} as score_event_id,
    person_id,
    score_kind,
    rule_id,
    record_id,
    points,
    half_life_days,
    score_factor,
    why,
    occurred_at
from unioned
where occurred_at <= {{ as_of() }}
