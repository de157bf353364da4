{{ config(materialized='nightly', key='birth_order', scope='int_identity__changed_records') }}

with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
    where {{ is_changed('birth_order') }}
),

normal_names as (
    select * from {{ ref('int_identity__normal_names') }}
    where name_key is not null
)

select distinct
    record_versions.birth_order,
    {{ key_of('normal_names.name_key') }} as name_id,
    normal_names.name_key
from record_versions
inner join normal_names
    on record_versions.person_name = normal_names.raw_name
