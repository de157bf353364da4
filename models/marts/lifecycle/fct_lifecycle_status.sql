with

status_periods as (
    select * from {{ ref('int_lifecycle__status_periods') }}
)

select
    {{ md5_text(['person_id', 'status', 'began_at', 'record_id']) }} as status_id,
    person_id,
    status,
    began_at,
    ended_at,
    cause,
    record_id,
    ended_at is null as is_open
from status_periods
