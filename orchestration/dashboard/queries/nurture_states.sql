-- What the nurture programmes wait for.
select programme, state, count(*) as person_count
from marts.mart_nurture_queue
group by programme, state
order by programme, state
