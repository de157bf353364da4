with

loads as (
    select * from {{ source('ops', 'loads') }}
)

select
    load_id,
    run_id,
    source_table,
    source_system,
    file_path,
    file_checksum,
    status,
    message,
    load_sequence,
    rows_in,
    rows_loaded,
    rows_quarantined,
    rows_collapsed,
    status = 'refused' as is_refused,
    row_number() over (
        partition by source_table order by load_sequence desc, loaded_at desc, load_id desc
    ) = 1 as is_latest_of_table,
    arrived_at,
    loaded_at
from loads
