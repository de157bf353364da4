-- From where to where people move, back included.
select from_stage, from_stage_rank, to_stage, to_stage_rank, direction, n, share_of_moves, median_days
from marts.mart_stage_matrix
where track = 'acquisition'
order by from_stage_rank, to_stage_rank
