-- The fold decides a fixed number of ranks; a longer ladder needs vars.lifecycle_rank_levels raised in dbt_project.yml.
with

stages as (
    select * from {{ ref('stages') }}
)

select
    stage,
    stage_rank
from stages
where stage_rank > {{ var('lifecycle_rank_levels') }} or stage_rank < 1
