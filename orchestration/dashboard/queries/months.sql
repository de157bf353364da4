-- The months that the data covers, the running one included.
select month, is_complete_month
from marts.dim_date
where is_month_start and is_elapsed
order by month
