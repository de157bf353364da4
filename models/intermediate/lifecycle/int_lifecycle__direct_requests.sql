with

submissions as (
    select * from {{ ref('int_lifecycle__submissions') }}
    where signal is not null
),

gate_times as (
    select * from {{ ref('int_scoring__gate_times') }}
)

select
    submissions.person_id,
    submissions.occurred_at as submitted_at,
    greatest(
        submissions.occurred_at,
        case when submissions.gate = 'none' then submissions.occurred_at else gate_times.complete_at end
    ) as occurred_at,
    submissions.gate = 'none' or gate_times.complete_at is not null as is_gate_complete,
    submissions.is_date_only,
    submissions.signal,
    submissions.route,
    submissions.reentry,
    submissions.record_id,
    submissions.source_table
from submissions
left join gate_times
    on
        submissions.person_id = gate_times.person_id
        and submissions.gate = gate_times.gate
