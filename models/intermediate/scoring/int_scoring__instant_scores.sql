with

instants as (
    select * from {{ ref('int_scoring__instants') }}
),

-- what was done before the person was known counts; nobody is judged by its score of then
known_instants as (
    select
        person_id,
        occurred_at
    from instants
    where is_known
),

scores as (
    {{ scores_at('known_instants') | indent(4) }}
),

latest as (
    select
        person_id,
        occurred_at,
        is_known,
        is_engagement,
        max(case when is_meaningful then occurred_at end) over so_far as last_meaningful_at,
        max(case when is_qualifying then occurred_at end) over so_far as last_qualifying_at
    from instants
    window so_far as (partition by person_id order by occurred_at rows between unbounded preceding and current row)
)

select
    latest.person_id,
    latest.occurred_at,
    latest.is_known,
    latest.is_engagement,
    scores.behaviour_score,
    scores.fit_score,
    round(scores.behaviour_score + scores.fit_score, 6) as total_score,
    latest.last_meaningful_at,
    latest.last_qualifying_at
from latest
inner join scores
    on
        latest.person_id = scores.person_id
        and latest.occurred_at = scores.occurred_at
