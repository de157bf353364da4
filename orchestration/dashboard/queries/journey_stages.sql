-- One person's stages, in order.
select track, stage_label, stage, stage_rank, entered_at, exited_at, direction, signal, score_at_entry, route, channel, stage_days
from marts.fct_lifecycle_transition
where person_id = $person_id
order by entered_at, stage_rank, transition_id
