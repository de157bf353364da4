{{ config(materialized='components') }}

{#- Every record follows the id it had on arrival: its group, and the older record that the group joined. -#}
with

arrival_groups as (
    select * from {{ ref('int_identity__arrival_groups') }}
)

select
    birth_order as node_a,
    first_birth_order as node_b,
    1 as trust_rank
from arrival_groups
where birth_order <> first_birth_order
union all
select distinct
    first_birth_order as node_a,
    older_birth_order as node_b,
    1 as trust_rank
from arrival_groups
where older_birth_order is not null
