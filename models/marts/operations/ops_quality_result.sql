with

quality_results as (
    select * from {{ source('ops', 'quality_results') }}
)

select
    {{ md5_text(['run_id', 'gate', 'table_name', 'suite_name', 'check_name']) }} as quality_result_id,
    run_id,
    gate,
    table_name,
    suite_name,
    check_name,
    expectation_type,
    column_name,
    severity,
    observed,
    examples,
    message,
    evaluated_count,
    unexpected_count,
    is_success,
    is_batch_refused,
    checked_at
from quality_results
