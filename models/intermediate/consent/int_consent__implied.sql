{#- What a person did that a law may take for a consent for some time: the latest of each kind. -#}
with

submissions as (
    select * from {{ ref('int_lifecycle__submissions') }}
    where is_request
),

revenue as (
    select * from {{ ref('int_finance__revenue') }}
    where person_id is not null
),

facts as (
    select
        person_id,
        'inquiry' as fact,
        occurred_at,
        record_id
    from submissions

    union all

    select
        person_id,
        'purchase' as fact,
        won_at as occurred_at,
        revenue_id as record_id
    from revenue
)

select
    person_id,
    fact,
    occurred_at,
    record_id
from facts
qualify row_number() over (partition by person_id, fact order by occurred_at desc, record_id asc) = 1
