with

routes as (
    select * from {{ ref('routes') }}
)

-- the gate of a route is that of its first row
select
    route,
    min_by(gate, priority) as gate
from routes
group by route
