with

entries as (
    select * from {{ ref('int_lifecycle__entries') }}
)

select distinct
    person_id,
    entered_at as occurred_at
from entries
