-- The checks of the run that published.
select
    gate,
    count(*) as check_count,
    count(*) filter (where not is_success) as failed_count
from marts.ops_quality_result
where run_id = $run_id
group by gate
order by gate
