{{ config(meta={'dagster': {'ref': {'name': 'fct_opportunity'}}}) }}
-- The amounts of the deals are those of staging, by currency; no join has multiplied or lost one.
with

facts as (
    select * from {{ ref('fct_opportunity') }}
),

staged as (
    select *
    from {{ ref('stg_crm__opportunities') }}
    where created_at <= {{ as_of() }}
),

fact_sums as (
    select
        coalesce(currency, '') as currency,
        count(*) as row_count,
        coalesce(sum(amount), 0) as amount
    from facts
    group by coalesce(currency, '')
),

staged_sums as (
    select
        coalesce(currency, '') as currency,
        count(*) as row_count,
        coalesce(sum(amount), 0) as amount
    from staged
    group by coalesce(currency, '')
)

select
    coalesce(fact_sums.currency, staged_sums.currency) as currency,
    fact_sums.row_count,
    staged_sums.row_count as staged_row_count,
    fact_sums.amount,
    staged_sums.amount as staged_amount
from fact_sums
full outer join staged_sums
    on fact_sums.currency = staged_sums.currency
where
    coalesce(fact_sums.row_count, 0) <> coalesce(staged_sums.row_count, 0)
    or coalesce(fact_sums.amount, 0) <> coalesce(staged_sums.amount, 0)
