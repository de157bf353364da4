with

scores as (
    {{ scores_at(ref('int_lifecycle__entry_moments')) | indent(4) }}
)

select
    person_id,
    occurred_at,
    behaviour_score,
    fit_score,
    round(behaviour_score + fit_score, 6) as total_score
from scores
