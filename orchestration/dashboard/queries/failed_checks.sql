-- The checks that failed in the run that published.
select gate, table_name, check_name, severity, unexpected_count, evaluated_count, message, checked_at
from marts.ops_quality_result
where run_id = $run_id and not is_success
order by severity, table_name, check_name
limit 100
