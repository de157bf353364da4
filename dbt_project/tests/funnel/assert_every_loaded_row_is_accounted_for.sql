-- Nothing is lost: rows in = rows loaded + quarantined + collapsed, for every batch that was not refused.
with

loads as (
    select * from {{ ref('ops_load') }}
)

select
    load_id,
    source_table,
    file_path,
    rows_in,
    rows_loaded,
    rows_quarantined,
    rows_collapsed
from loads
where not is_refused and rows_in <> rows_loaded + rows_quarantined + rows_collapsed
