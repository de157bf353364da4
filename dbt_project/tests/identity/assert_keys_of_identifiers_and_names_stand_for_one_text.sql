{{ config(meta={'dagster': {'ref': {'name': 'int_identity__identifier_sightings'}}}) }}
-- Inside identity a number made of the md5 stands for a text; two texts with one number would be taken for the same.
with

identifier_sightings as (
    select * from {{ ref('int_identity__identifier_sightings') }}
),

record_names as (
    select * from {{ ref('int_identity__record_names') }}
)

select
    'identifier' as kind,
    min(identifier_type || '|' || identifier_value) as one_text,
    max(identifier_type || '|' || identifier_value) as other_text
from identifier_sightings
group by identifier_key
having min(identifier_type || '|' || identifier_value) <> max(identifier_type || '|' || identifier_value)
union all
select
    'name' as kind,
    min(name_key) as one_text,
    max(name_key) as other_text
from record_names
group by name_id
having min(name_key) <> max(name_key)
