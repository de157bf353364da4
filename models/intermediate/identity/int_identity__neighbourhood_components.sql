{{ config(materialized='components') }}

with

neighbourhood_links as (
    select * from {{ ref('int_identity__neighbourhood_links') }}
)

select
    node_a,
    node_b,
    1 as trust_rank
from neighbourhood_links
