-- The windows within which a conversion is counted.
select distinct window_days
from marts.mart_funnel_conversion
order by window_days
