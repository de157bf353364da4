-- What the filters offer, the most frequent first.
select segment_type, segment_value, sum(standing_count) as person_count
from marts.mart_stage_value
where track = 'acquisition' and segment_type in ('channel', 'region', 'industry')
group by segment_type, segment_value
order by segment_type, person_count desc, segment_value
