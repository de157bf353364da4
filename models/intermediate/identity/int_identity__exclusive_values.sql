{#- What keeps records of the region apart: two values of one namespace never share a person. -#}
with

record_contacts as (
    select * from {{ ref('int_identity__record_contacts') }}
    where {{ is_in_region('birth_order') }}
),

steward_sides as (
    select * from {{ ref('int_identity__steward_sides') }}
    where {{ is_in_region('birth_order') }}
)

select
    birth_order as node,
    namespace,
    value
from record_contacts
union all
select
    birth_order as node,
    namespace,
    value
from steward_sides
