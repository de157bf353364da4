{#- What keeps records of the region apart: two values of one namespace never share a person. -#}
with

record_contacts as (
    select * from {{ ref('int_identity__record_contacts') }}
    where {{ is_in_region('birth_order') }}
),

parted_records as (
    select distinct
        birth_order,
        'cannot_link|' || decision_id as namespace,
        side as value
    from {{ ref('int_identity__decision_records') }}
    where decision = 'cannot_link'
        and {{ is_in_region('birth_order') }}
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
from parted_records
