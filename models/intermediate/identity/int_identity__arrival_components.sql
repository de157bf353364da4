{{ config(materialized='components') }}

{#- Records that arrived in one load already linked to each other: only the first of them can ever have given its id. What a steward
    joined was apart before. -#}
with

arrival_links as (
    select * from {{ ref('int_identity__arrival_links') }}
)

select
    node_a,
    node_b,
    1 as trust_rank
from arrival_links
where load_sequence_a = load_sequence
    and load_sequence_b = load_sequence
    and because <> 'steward'
