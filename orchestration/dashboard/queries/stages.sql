-- The stages in their order.
select stage, stage_rank, label_en, label_zh
from marts.dim_stage
order by stage_rank
