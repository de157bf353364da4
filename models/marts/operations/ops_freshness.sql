with

loads as (
    select * from {{ source('ops', 'loads') }}
    where status <> 'replaced'
),

latest as (
    select
        source_table,
        status = 'refused' as is_stale
    from loads
    qualify row_number() over (partition by source_table order by load_sequence desc, loaded_at desc, load_id desc) = 1
),

arrivals as (
    select
        source_table,
        cast(arrived_at as date) as arrived_on
    from loads
    where status = 'loaded'
    group by source_table, cast(arrived_at as date)
),

gaps as (
    select
        source_table,
        {{ days_between(
            'cast(lag(arrived_on) over (partition by source_table order by arrived_on) as timestamp)', 'cast(arrived_on as timestamp)'
        ) }} as gap_days
    from arrivals
),

usual_gaps as (
    select
        source_table,
        median(gap_days) as usual_gap_days
    from gaps
    group by source_table
),

counted as (
    select
        source_table,
        count(case when status = 'loaded' then 1 end) as file_count,
        count(case when status = 'refused' then 1 end) as refused_count,
        cast(sum(case when status = 'loaded' then rows_loaded else 0 end) as bigint) as rows_loaded,
        cast(sum(case when status = 'loaded' then rows_quarantined else 0 end) as bigint) as rows_quarantined,
        max(case when status = 'loaded' then arrived_at end) as last_arrived_at,
        max(case when status = 'loaded' then loaded_at end) as last_loaded_at
    from loads
    group by source_table
)

select
    counted.source_table,
    latest.is_stale,
    counted.last_arrived_at,
    counted.last_loaded_at,
    {{ days_between('counted.last_arrived_at', as_of()) }} as days_since_arrival,
    usual_gaps.usual_gap_days,
    counted.file_count,
    counted.refused_count,
    counted.rows_loaded,
    counted.rows_quarantined
from counted
inner join latest
    on counted.source_table = latest.source_table
left join usual_gaps
    on counted.source_table = usual_gaps.source_table
