with

score_events as (
    select * from {{ ref('fct_score_event') }}
),

rejections as (
    select * from {{ ref('int_scoring__rejections') }}
),

epoch_factors as (
    select * from {{ ref('int_scoring__epoch_factors') }}
),

last_epochs as (
    select
        person_id,
        max(rejection_number) as epoch
    from rejections
    group by person_id
),

-- few were ever rejected, so only their events are counted against rejections
epochs as (
    select
        score_events.score_event_id,
        count(*) as epoch
    from score_events
    inner join rejections
        on
            score_events.person_id = rejections.person_id
            and score_events.occurred_at > rejections.occurred_at
    where score_events.score_kind <> 'rejection'
    group by score_events.score_event_id
),

with_epoch as (
    select
        score_events.person_id,
        score_events.score_kind,
        score_events.rule_id,
        score_events.occurred_at,
        score_events.points,
        score_events.half_life_days,
        last_epochs.epoch as last_epoch,
        coalesce(epochs.epoch, 0) as epoch
    from score_events
    left join last_epochs
        on score_events.person_id = last_epochs.person_id
    left join epochs
        on score_events.score_event_id = epochs.score_event_id
    where score_events.score_kind <> 'rejection'
),

-- fit neither decays nor suffers from a rejection
weighted as (
    select
        with_epoch.person_id,
        with_epoch.score_kind,
        with_epoch.rule_id,
        with_epoch.points
        * case
            when with_epoch.half_life_days is null then 1
            else {{ exp2("-" ~ days_between('with_epoch.occurred_at', as_of()) ~ " / with_epoch.half_life_days") }}
        end
        * case when with_epoch.score_kind = 'fit' then 1 else coalesce(epoch_factors.factor, 1) end
            as points_now
    from with_epoch
    left join epoch_factors
        on
            with_epoch.person_id = epoch_factors.person_id
            and with_epoch.epoch = epoch_factors.from_epoch
            and with_epoch.last_epoch = epoch_factors.to_epoch
)

select
    person_id,
    score_kind,
    rule_id,
    {{ exact_sum('points_now') }} as points_now,
    count(*) as event_count
from weighted
group by
    person_id,
    score_kind,
    rule_id
