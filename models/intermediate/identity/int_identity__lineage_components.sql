{{ config(materialized='components') }}

{#- Every record follows the id it had on arrival: its group, and the older record that the group joined. -#}
with

arrival_groups as (
    select * from {{ ref('int_identity__arrival_groups') }}
)

select
    record_id as node_a,
    first_record_id as node_b,
    1 as trust_rank
from arrival_groups
where record_id <> first_record_id
union all
select distinct
    first_record_id as node_a,
    older_record_id as node_b,
    1 as trust_rank
from arrival_groups
where older_record_id is not null
