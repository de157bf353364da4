{{ config(meta={'dagster': {'ref': {'name': 'fct_lifecycle_transition'}}}) }}
-- From the first entry to as_of, the stage days of the acquisition track leave nothing out and count nothing twice.
with

ledger as (
    select * from {{ ref('fct_lifecycle_transition') }}
    where track = 'acquisition'
)

select
    person_id,
    sum(stage_days) as stage_days,
    {{ days_between('min(entered_at)', as_of()) }} as span_days
from ledger
group by person_id
having abs(sum(stage_days) - {{ days_between('min(entered_at)', as_of()) }}) > 1e-6
