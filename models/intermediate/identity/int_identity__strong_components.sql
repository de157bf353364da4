-- depends_on: {{ ref('int_identity__record_contacts') }}
{{ config(materialized='components', unique_values='int_identity__record_contacts') }}

with

strong_edges as (
    select * from {{ ref('int_identity__strong_edges') }}
)

select
    node_a,
    node_b,
    trust_rank
from strong_edges
