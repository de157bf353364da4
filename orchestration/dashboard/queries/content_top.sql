-- The content that most people touched.
select content_id, title, content_type, topic, journey_stage, person_count, touch_count, last_seen_at
from marts.dim_content
where touch_count > 0
order by person_count desc, touch_count desc, content_id
limit 30
