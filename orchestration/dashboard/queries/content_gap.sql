-- Where people stand for whom there is nothing to read, or who do not read it.
select dimension_type, dimension_value, journey_stage, person_count, content_count, reader_count, reader_share, unserved_count, state
from marts.mart_content_gap
where is_gap
order by unserved_count desc, dimension_type, dimension_value, journey_stage
limit 50
