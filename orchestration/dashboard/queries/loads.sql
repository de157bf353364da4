-- What each table's newest delivery brought, and what has been put aside.
select
    source_table,
    max(arrived_at) filter (where status = 'loaded') as newest_arrival_at,
    sum(rows_in) as rows_in,
    sum(rows_loaded) as rows_loaded,
    sum(rows_collapsed) as rows_collapsed,
    sum(rows_quarantined) as rows_quarantined,
    bool_or(is_latest_of_table and is_refused) as is_refused
from marts.ops_load
where status <> 'replaced'
group by source_table
order by source_table
