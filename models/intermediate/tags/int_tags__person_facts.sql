{#- What rules of tags may ask of a person with a name, one row per field and value. -#}
with

persons as (
    select * from {{ ref('int_tags__profiles') }}
    where not is_anonymous
),

interactions as (
    select * from {{ ref('fct_interaction') }}
),

contents as (
    select * from {{ ref('stg_engagement__content') }}
),

statuses as (
    select * from {{ ref('fct_lifecycle_status') }}
    where is_open
),

target_lists as (
    select * from {{ ref('stg_crm__target_lists') }}
),

crm_accounts as (
    select * from {{ ref('int_identity__crm_accounts') }}
),

topics as (
    select
        content_id,
        min(topic) as topic
    from contents
    group by content_id
),

touches as (
    select
        interactions.person_id,
        interactions.channel,
        interactions.interaction_type,
        interactions.occurred_at,
        interactions.is_engagement and interactions.direction = 'inbound' as is_engagement,
        interactions.product_id as product,
        topics.topic
    from interactions
    inner join persons
        on interactions.person_id = persons.person_id
    left join topics
        on interactions.content_id = topics.content_id
),

engagements as (
    select
        person_id,
        count(*) as engagement_count,
        max(occurred_at) as last_engaged_at
    from touches
    where is_engagement
    group by person_id
),

text_facts as (
    {%- for column in [
        'country', 'region', 'industry', 'company_size', 'department', 'job_title', 'stage', 'grade', 'route', 'is_competitor',
        'has_corporate_email'
    ] %}
        select
            person_id,
            '{{ column }}' as field,
            cast({{ column }} as varchar) as text_value
        from persons
        where {{ column }} is not null

        union all

    {%- endfor %}
    {%- for column in ['channel', 'interaction_type', 'product', 'topic'] %}

        select distinct
            person_id,
            '{{ column }}' as field,
            {{ column }} as text_value
        from touches
        where {{ column }} is not null

        union all

    {%- endfor %}

    select distinct
        person_id,
        'status' as field,
        status as text_value
    from statuses

    union all

    select distinct
        persons.person_id,
        'target_list' as field,
        target_lists.list_name as text_value
    from target_lists
    inner join crm_accounts
        on
            target_lists.source_system = crm_accounts.source_system
            and target_lists.account_id = crm_accounts.crm_account_id
    inner join persons
        on crm_accounts.account_id = persons.account_id
    where
        coalesce(target_lists.valid_from <= {{ as_of() }}, true)
        and coalesce(target_lists.valid_to > {{ as_of() }}, true)
),

number_facts as (
    {%- for column in ['score', 'fit_score', 'behaviour_score'] %}
        select
            person_id,
            '{{ column }}' as field,
            cast({{ column }} as double) as number_value
        from persons
        where {{ column }} is not null

        union all

    {%- endfor %}

    select
        person_id,
        'stage_days' as field,
        {{ days_between('stage_entered_at', as_of()) }} as number_value
    from persons
    where stage_entered_at is not null

    union all

    select
        person_id,
        'quiet_days' as field,
        {{ days_between('last_engaged_at', as_of()) }} as number_value
    from engagements

    union all

    select
        person_id,
        'engagement_count' as field,
        cast(engagement_count as double) as number_value
    from engagements
)

select
    person_id,
    field,
    text_value,
    cast(null as double) as number_value
from text_facts

union all

select
    person_id,
    field,
    cast(round(number_value, 1) as varchar) as text_value,
    number_value
from number_facts
