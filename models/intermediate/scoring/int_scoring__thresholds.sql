with

thresholds as (
    select * from {{ ref('thresholds') }}
)

-- a threshold is valid from its first moment until the next row of the same stage, route and part
select
    stage,
    coalesce(route, '*') as route,
    score_part,
    min_points,
    coalesce(valid_from, timestamp '0001-01-01') as valid_from,
    coalesce(
        lead(valid_from) over (
            partition by stage, coalesce(route, '*'), score_part order by valid_from asc nulls first
        ),
        timestamp '9999-12-31'
    ) as valid_to
from thresholds
