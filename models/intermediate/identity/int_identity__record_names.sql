with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
),

normal_names as (
    select * from {{ ref('int_identity__normal_names') }}
)

select distinct
    record_versions.record_id,
    normal_names.name_key
from record_versions
inner join normal_names
    on record_versions.person_name = normal_names.raw_name
