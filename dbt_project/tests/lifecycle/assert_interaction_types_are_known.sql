{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'int_engagement__interactions'}}}) }}
-- An interaction type without a row in seeds/engagement/interaction_types.csv gives no points and engages nobody.
with

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
),

interaction_types as (
    select * from {{ ref('interaction_types') }}
)

select
    interactions.interaction_type,
    count(*) as interaction_count
from interactions
left join interaction_types
    on interactions.interaction_type = interaction_types.interaction_type
where interaction_types.interaction_type is null
group by interactions.interaction_type
