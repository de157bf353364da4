with

stages as (
    select * from {{ ref('stages') }}
)

select
    stage,
    cast(stage_rank as integer) as stage_rank,
    cast(row_number() over (order by stage_rank) as integer) as stage_position,
    label_en,
    label_zh,
    phase,
    buyer_journey,
    owner,
    co_owner,
    stage_type,
    is_entry,
    is_pool,
    is_pool_with_fit,
    cast(stage_sla_days as integer) as stage_sla_days,
    cast(dormant_days as integer) as dormant_days,
    cast(lapse_days as integer) as lapse_days,
    apa_stage,
    aisas_stage,
    education_stage,
    meaning
from stages
