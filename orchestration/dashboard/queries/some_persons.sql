-- A few persons to begin with: those who went furthest, the latest first.
select person_id, stage, max(entered_at) as entered_at
from marts.fct_lifecycle_transition
where is_current and track = 'acquisition' and stage_rank = (select max(stage_rank) from marts.dim_stage)
group by person_id, stage
order by entered_at desc, person_id
limit 5
