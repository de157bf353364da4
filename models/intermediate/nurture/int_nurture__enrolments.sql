{#- Who is in which programme, since when, as whom: by the stage entered, the status that is open or the product looked at last. -#}
with

programmes as (
    select * from {{ ref('programmes') }}
),

programme_exclusions as (
    select * from {{ ref('programme_exclusions') }}
),

person_personas as (
    select * from {{ ref('int_nurture__personas') }}
),

stages as (
    select * from {{ ref('stages') }}
),

persons as (
    select * from {{ ref('dim_person') }}
    where
        not is_anonymous
        and not is_cleaned_out
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
    where track = 'acquisition'
),

statuses as (
    select * from {{ ref('fct_lifecycle_status') }}
    where is_open
),

product_interest as (
    select * from {{ ref('mart_product_interest') }}
),

positions as (
    select
        person_id,
        cycle_number,
        stage_rank
    from transitions
    where is_current
),

-- a stage that was skipped was reached all the same
by_stage as (
    select
        transitions.person_id,
        programmes.programme,
        min(transitions.entered_at) as enrolled_at,
        cast(null as varchar) as product_id,
        'stage = ' || programmes.enrol_value as enrolled_by
    from programmes
    inner join stages
        on programmes.enrol_value = stages.stage
    inner join transitions
        on stages.stage_rank <= transitions.stage_rank
    inner join positions
        on
            transitions.person_id = positions.person_id
            and transitions.cycle_number = positions.cycle_number
    where programmes.enrol_on = 'stage'
    group by transitions.person_id, programmes.programme, programmes.enrol_value
),

by_status as (
    select
        statuses.person_id,
        programmes.programme,
        max(statuses.began_at) as enrolled_at,
        cast(null as varchar) as product_id,
        'status = ' || programmes.enrol_value as enrolled_by
    from programmes
    inner join statuses
        on programmes.enrol_value = statuses.status
    where programmes.enrol_on = 'status'
    group by statuses.person_id, programmes.programme, programmes.enrol_value
),

-- an empty value is any product
by_product as (
    select
        product_interest.person_id,
        programmes.programme,
        product_interest.last_touched_at as enrolled_at,
        product_interest.product_id,
        'product = ' || product_interest.product_id as enrolled_by
    from programmes
    inner join product_interest
        on coalesce(programmes.enrol_value, product_interest.product_id) = product_interest.product_id
    where programmes.enrol_on = 'product'
    qualify
        row_number() over (
            partition by product_interest.person_id, programmes.programme
            order by product_interest.last_touched_at desc, product_interest.product_id asc
        ) = 1
),

candidates as (
    select * from by_stage
    union all
    select * from by_status
    union all
    select * from by_product
),

excluded as (
    select distinct
        statuses.person_id,
        programme_exclusions.programme
    from statuses
    inner join programme_exclusions
        on statuses.status = programme_exclusions.status
)

select
    candidates.person_id,
    candidates.programme,
    programmes.priority,
    person_personas.persona,
    candidates.product_id,
    candidates.enrolled_by,
    candidates.enrolled_at,
    {{ add_days(as_of(), '-programmes.max_days') }} as counted_from
from candidates
inner join programmes
    on candidates.programme = programmes.programme
inner join persons
    on candidates.person_id = persons.person_id
inner join person_personas
    on candidates.person_id = person_personas.person_id
inner join positions
    on candidates.person_id = positions.person_id
left join stages as last_stages
    on programmes.until_stage = last_stages.stage
left join excluded
    on
        candidates.person_id = excluded.person_id
        and candidates.programme = excluded.programme
where
    excluded.person_id is null
    and coalesce(positions.stage_rank < last_stages.stage_rank, true)
    and candidates.enrolled_at <= {{ as_of() }}
    and {{ add_days('candidates.enrolled_at', 'programmes.max_days') }} > {{ as_of() }}
