-- Who gets which touch next.
select person_id, programme, stage, persona, step, label_en, label_zh, journey_stage, channel, due_at, state, sent_count
from marts.mart_nurture_queue
where is_next_touch and state in ('due', 'planned', 'resting')
order by due_at, person_id, programme
limit 100
