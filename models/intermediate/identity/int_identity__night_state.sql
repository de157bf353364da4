{#- The last night that ended: written when all that is kept from night to night stands. -#}
-- depends_on: {{ ref('int_identity__night_decisions') }}
with

night as (
    select * from {{ ref('int_identity__night') }}
)

select
    night_number,
    rules_text,
    as_of,
    load_sequence,
    row_count,
    replaced_loads
from night
