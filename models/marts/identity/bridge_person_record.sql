with

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
)

select
    record_id,
    person_id,
    source_table,
    source_system,
    record_key,
    link_rule,
    load_sequence,
    has_own_row,
    observed_at
from record_persons
