with

instants as (
    select * from {{ ref('int_scoring__instants') }}
),

scores as (
    {{ scores_at(ref('int_scoring__instants')) | indent(4) }}
)

select
    instants.person_id,
    instants.occurred_at,
    instants.is_known,
    instants.is_engagement,
    scores.behaviour_score,
    scores.fit_score,
    round(scores.behaviour_score + scores.fit_score, 6) as total_score,
    max(case when instants.is_meaningful then instants.occurred_at end) over (
        partition by instants.person_id order by instants.occurred_at
        rows between unbounded preceding and current row
    ) as last_meaningful_at,
    max(case when instants.is_qualifying then instants.occurred_at end) over (
        partition by instants.person_id order by instants.occurred_at
        rows between unbounded preceding and current row
    ) as last_qualifying_at
from instants
inner join scores
    on
        instants.person_id = scores.person_id
        and instants.occurred_at = scores.occurred_at
