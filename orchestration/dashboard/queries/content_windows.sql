-- The windows within which a move counts as following a look.
select distinct window_days
from marts.mart_content_performance
order by window_days
