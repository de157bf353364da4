with

content_gap_rules as (
    select * from {{ ref('content_gap_rules') }}
),

content_personas as (
    select * from {{ ref('content_personas') }}
),

person_personas as (
    select * from {{ ref('int_nurture__personas') }}
),

product_interest as (
    select * from {{ ref('mart_product_interest') }}
),

stages as (
    select * from {{ ref('stages') }}
),

funnel_steps as (
    select * from {{ ref('funnel_steps') }}
    where step = 'customer'
),

persons as (
    select * from {{ ref('dim_person') }}
    where
        not is_anonymous
        and not is_cleaned_out
),

contents as (
    select * from {{ ref('dim_content') }}
    where is_in_catalogue
),

interactions as (
    select * from {{ ref('fct_interaction') }}
    where
        content_id is not null
        and is_engagement
        and direction = 'inbound'
),

readers as (
    select
        persons.person_id,
        persons.industry,
        stages.buyer_journey as journey_stage
    from persons
    inner join stages
        on persons.stage = stages.stage
    left join funnel_steps
        on persons.stage = funnel_steps.stage
    where funnel_steps.stage is null
),

wishes as (
    select
        person_id,
        'persona' as dimension_type,
        persona as dimension_value,
        cast(null as timestamp) as wished_at
    from person_personas
    union all
    select
        person_id,
        'product' as dimension_type,
        product_id as dimension_value,
        last_touched_at as wished_at
    from product_interest
    union all
    select
        person_id,
        'industry' as dimension_type,
        industry as dimension_value,
        cast(null as timestamp) as wished_at
    from readers
    where industry is not null
),

demand as (
    select
        wishes.dimension_type,
        wishes.dimension_value,
        readers.journey_stage,
        readers.person_id,
        {{ add_days(as_of(), '-content_gap_rules.window_days') }} as window_starts_at
    from wishes
    inner join readers
        on wishes.person_id = readers.person_id
    inner join content_gap_rules
        on wishes.dimension_type = content_gap_rules.dimension_type
    where coalesce(wishes.wished_at >= {{ add_days(as_of(), '-content_gap_rules.window_days') }}, true)
),

-- no catalogue names an industry: whatever suits that part of the journey may serve it
industries as (
    select distinct dimension_value
    from demand
    where dimension_type = 'industry'
),

supply as (
    select
        contents.content_id,
        contents.journey_stage,
        'persona' as dimension_type,
        content_personas.persona as dimension_value
    from contents
    inner join content_personas
        on lower(contents.persona) = content_personas.content_persona
    union all
    select
        content_id,
        journey_stage,
        'product' as dimension_type,
        product_id as dimension_value
    from contents
    where product_id is not null
    union all
    select
        contents.content_id,
        contents.journey_stage,
        'industry' as dimension_type,
        industries.dimension_value
    from contents
    cross join industries
),

supplied as (
    select
        dimension_type,
        dimension_value,
        journey_stage,
        count(*) as content_count
    from supply
    group by dimension_type, dimension_value, journey_stage
),

-- the last look at each content is as good as all of them
last_looks as (
    select
        person_id,
        content_id,
        max(occurred_at) as looked_at
    from interactions
    group by person_id, content_id
),

served as (
    select
        demand.dimension_type,
        demand.dimension_value,
        demand.journey_stage,
        count(distinct demand.person_id) as reader_count
    from demand
    inner join last_looks
        on
            demand.person_id = last_looks.person_id
            and demand.window_starts_at <= last_looks.looked_at
    inner join supply
        on
            last_looks.content_id = supply.content_id
            and demand.journey_stage = supply.journey_stage
            and demand.dimension_type = supply.dimension_type
            and demand.dimension_value = supply.dimension_value
    group by demand.dimension_type, demand.dimension_value, demand.journey_stage
),

counted as (
    select
        dimension_type,
        dimension_value,
        journey_stage,
        count(*) as person_count
    from demand
    group by dimension_type, dimension_value, journey_stage
),

judged as (
    select
        counted.dimension_type,
        counted.dimension_value,
        counted.journey_stage,
        counted.person_count,
        coalesce(supplied.content_count, 0) as content_count,
        coalesce(served.reader_count, 0) as reader_count,
        content_gap_rules.window_days,
        case
            when counted.person_count < content_gap_rules.minimum_person_count then 'little_demand'
            when supplied.content_count is null then 'no_content'
            when
                cast(coalesce(served.reader_count, 0) as double) / counted.person_count < content_gap_rules.minimum_reader_share
                then 'little_read'
            else 'served'
        end as state
    from counted
    inner join content_gap_rules
        on counted.dimension_type = content_gap_rules.dimension_type
    left join supplied
        on
            counted.dimension_type = supplied.dimension_type
            and counted.dimension_value = supplied.dimension_value
            and counted.journey_stage = supplied.journey_stage
    left join served
        on
            counted.dimension_type = served.dimension_type
            and counted.dimension_value = served.dimension_value
            and counted.journey_stage = served.journey_stage
)

select
    dimension_type,
    dimension_value,
    journey_stage,
    person_count,
    content_count,
    reader_count,
    cast(reader_count as double) / person_count as reader_share,
    person_count - reader_count as unserved_count,
    window_days,
    state,
    state in ('no_content', 'little_read') as is_gap
from judged
