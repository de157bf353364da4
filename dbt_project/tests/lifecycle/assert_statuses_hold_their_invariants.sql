{{ config(meta={'dagster': {'ref': {'name': 'fct_lifecycle_status'}}}) }}
-- Each row is a status that breaks a promise of the statuses beside the ladder; reason says which.
with

status_rows as (
    select * from {{ ref('fct_lifecycle_status') }}
),

ledger as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

neighbours as (
    select
        *,
        lead(began_at) over (partition by person_id, status order by began_at, status_id) as next_began_at
    from status_rows
),

born as (
    select
        person_id,
        min(entered_at) as entered_at
    from ledger
    group by person_id
)

select
    status_id,
    'a status overlaps the next of the same name' as reason
from neighbours
where next_began_at is not null and (ended_at is null or ended_at > next_began_at)

union all

select
    status_id,
    'a status ends before it begins' as reason
from neighbours
where ended_at < began_at

union all

select
    status_id,
    'a status reaches into the future' as reason
from neighbours
where began_at > {{ as_of() }} or ended_at > {{ as_of() }}

union all

select
    neighbours.status_id,
    'a returned person was never on the ladder' as reason
from neighbours
left join born
    on neighbours.person_id = born.person_id
where neighbours.cause <> 'disqualified' and (born.entered_at is null or born.entered_at > neighbours.began_at)
