{{ config(meta={'dagster': {'ref': {'name': 'fct_person_score'}}}) }}
-- The score of every person, summed anew from the published events alone: points, age, half-life and later rejections.
with

events as (
    select * from {{ ref('fct_score_event') }}
),

scores as (
    select * from {{ ref('fct_person_score') }}
),

rejections as (
    select
        person_id,
        occurred_at,
        score_factor
    from events
    where score_kind = 'rejection'
),

-- a factor of 0 leaves nothing, whatever the others are
event_factors as (
    select
        events.score_event_id,
        exp(sum(ln(case when rejections.score_factor > 0 then rejections.score_factor end))) as factor,
        min(rejections.score_factor) as least_factor
    from events
    inner join rejections
        on
            events.person_id = rejections.person_id
            and events.occurred_at <= rejections.occurred_at
    where events.score_kind = 'behaviour'
    group by events.score_event_id
),

recomputed as (
    select
        events.person_id,
        sum(
            events.points
            * case
                when events.half_life_days is null then 1
                else {{ exp2("-" ~ days_between('events.occurred_at', 'scores.as_of') ~ " / events.half_life_days") }}
            end
            * case when event_factors.least_factor <= 0 then 0 else coalesce(event_factors.factor, 1) end
        ) as score
    from events
    inner join scores
        on events.person_id = scores.person_id
    left join event_factors
        on events.score_event_id = event_factors.score_event_id
    group by events.person_id
)

select
    scores.person_id,
    scores.score,
    recomputed.score as recomputed_score
from scores
left join recomputed
    on scores.person_id = recomputed.person_id
where abs(scores.score - coalesce(recomputed.score, 0)) > 1e-9
