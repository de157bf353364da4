{%- set segments = {'region': 'region', 'industry': 'industry'} -%}
with

persons as (
    select * from {{ ref('dim_person') }}
    where not is_anonymous and not is_cleaned_out
),

stages as (
    select * from {{ ref('stages') }}
),

steps as (
    select * from {{ ref('funnel_steps') }}
    where step = 'lead'
),

market_users as (
    select * from {{ ref('market_users') }}
),

rules as (
    select * from {{ ref('market_segments') }}
),

stage_values as (
    select * from {{ ref('mart_stage_value') }}
    where track = 'acquisition'
),

rates as (
    select * from {{ ref('int_finance__exchange_rates') }}
),

reporting as (
    select currency as reporting_currency from {{ ref('reporting_currency') }}
),

as_of_day as (
    select cast({{ as_of() }} as date) as as_of_on
),

bounds as (
    select
        max(case when stages.stage = steps.stage then stages.stage_rank end) as lead_rank,
        max(case when stages.stage = market_users.stage then stages.stage_rank end) as user_rank
    from stages
    cross join steps
    cross join market_users
),

ranked as (
    select
        coalesce(persons.region, 'unknown') as region,
        coalesce(persons.industry, 'unknown') as industry,
        persons.account_id,
        stages.stage_rank >= bounds.lead_rank as is_lead,
        stages.stage_rank >= bounds.user_rank as is_user
    from persons
    inner join stages
        on persons.stage = stages.stage
    cross join bounds
),

counted as (
    {%- for segment_type, segment_value in segments.items() %}
        select
            '{{ segment_type }}' as segment_type,
            {{ segment_value }} as segment_value,
            count(case when is_lead then 1 end) as lead_count,
            count(case when is_user then 1 end) as user_count,
            count(distinct account_id) as account_count
        from ranked
        group by {{ segment_value }}
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

expected as (
    select
        segment_type,
        segment_value,
        cast({{ exact_sum('coalesce(expected_amount, 0)') }} as double) as expected_amount,
        bool_or(is_rate_of_all and expected_amount is not null and standing_count > 0) as is_small_sample
    from stage_values
    cross join bounds
    where stage_values.stage_rank >= bounds.lead_rank
    group by segment_type, segment_value
),

-- a row of its own beats *, the newest one that holds beats the others
ruled as (
    select
        counted.*,
        rules.opening_threshold,
        rules.target_amount * rates.rate as target_amount,
        rules.units_per_user_year,
        rules.unit_price * rates.rate as unit_price
    from counted
    cross join as_of_day
    inner join rules
        on
            counted.segment_type = rules.segment_type
            and rules.segment_value in (counted.segment_value, '*')
            and as_of_day.as_of_on >= rules.valid_from
    left join rates
        on
            rules.currency = rates.currency
            and as_of_day.as_of_on >= rates.valid_from
            and (rates.valid_to is null or as_of_day.as_of_on < rates.valid_to)
    qualify row_number() over (
            partition by counted.segment_type, counted.segment_value
            order by case rules.segment_value when '*' then 1 else 0 end, rules.valid_from desc
        ) = 1
)

select
    ruled.segment_type,
    ruled.segment_value,
    reporting.reporting_currency,
    ruled.lead_count,
    ruled.account_count,
    cast(ruled.opening_threshold as integer) as opening_threshold,
    cast(ruled.lead_count as double) / nullif(ruled.opening_threshold, 0) as readiness,
    ruled.lead_count >= ruled.opening_threshold as is_ripe,
    coalesce(expected.expected_amount, 0.0) as expected_amount,
    ruled.target_amount,
    coalesce(expected.expected_amount, 0.0) / nullif(ruled.target_amount, 0) as target_coverage,
    coalesce(expected.expected_amount, 0.0) >= ruled.target_amount as is_funnel_enough,
    coalesce(expected.is_small_sample, false) as is_small_sample,
    ruled.user_count,
    ruled.units_per_user_year,
    ruled.unit_price,
    ruled.user_count * ruled.units_per_user_year * ruled.unit_price as market_amount_per_year
from ruled
cross join reporting
left join expected
    on
        ruled.segment_type = expected.segment_type
        and ruled.segment_value = expected.segment_value
