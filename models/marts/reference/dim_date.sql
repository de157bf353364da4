with

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

interactions as (
    select * from {{ ref('fct_interaction') }}
),

opportunities as (
    select * from {{ ref('stg_crm__opportunities') }}
),

digits as (
    {%- for digit in range(10) %}
        select {{ digit }} as digit
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

-- five digits of days, more than two and a half centuries: longer than any history that passes the gate
numbers as (
    select ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit + 10000 * myriads.digit as number
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
    cross join digits as thousands
    cross join digits as myriads
),

as_of_day as (
    select cast({{ as_of() }} as date) as as_of_on
),

first_moments as (
    select min(entered_at) as first_at from transitions
    union all
    select min(occurred_at) as first_at from interactions
    union all
    select min(created_at) as first_at from opportunities
),

first_day as (
    select cast(min(first_at) as date) as first_on from first_moments
),

bounds as (
    select
        as_of_day.as_of_on,
        cast(date_trunc('month', least(coalesce(first_day.first_on, as_of_day.as_of_on), as_of_day.as_of_on)) as date) as first_on
    from as_of_day
    cross join first_day
),

days as (
    select
        cast({{ add_days('bounds.first_on', 'numbers.number') }} as date) as day,
        bounds.as_of_on
    from bounds
    inner join numbers
        on numbers.number <= {{ days_between('bounds.first_on', 'bounds.as_of_on') }} + 365
),

months as (
    select
        day,
        as_of_on,
        cast(date_trunc('week', day) as date) as week_starts_on,
        cast(date_trunc('month', day) as date) as month_starts_on,
        -- no month is longer than 31 days, and the one after it is longer than three
        cast(date_trunc('month', {{ add_days("date_trunc('month', day)", 31) }}) as date) as next_month_starts_on
    from days
)

select
    day,
    {{ format_month('day') }} as month,
    week_starts_on,
    month_starts_on,
    next_month_starts_on,
    cast(date_trunc('quarter', day) as date) as quarter_starts_on,
    cast(extract(year from day) as integer) as calendar_year,
    cast(extract(quarter from day) as integer) as calendar_quarter,
    cast(extract(month from day) as integer) as calendar_month,
    cast({{ days_between('week_starts_on', 'day') }} + 1 as integer) as iso_day_of_week,
    {{ days_between('week_starts_on', 'day') }} >= 5 as is_weekend,
    day = month_starts_on as is_month_start,
    day <= as_of_on as is_elapsed,
    next_month_starts_on <= as_of_on as is_complete_month
from months
