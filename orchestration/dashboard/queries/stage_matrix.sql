-- From where to where people move, back included; a return and a new cycle between the same two stages are one cell.
select from_stage, from_stage_rank, to_stage, to_stage_rank, sum(n) as n, sum(share_of_moves) as share_of_moves
from marts.mart_stage_matrix
where track = 'acquisition'
group by from_stage, from_stage_rank, to_stage, to_stage_rank
order by from_stage_rank, to_stage_rank
