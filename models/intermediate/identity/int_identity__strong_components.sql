-- depends_on: {{ ref('int_identity__exclusive_values') }}
{{ config(materialized='components', unique_values='int_identity__exclusive_values') }}

with

strong_edges as (
    select * from {{ ref('int_identity__strong_edges') }}
    where {{ is_in_region('node_a') }}
)

select
    node_a,
    node_b,
    trust_rank
from strong_edges
