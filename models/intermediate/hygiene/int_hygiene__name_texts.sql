{#- Name keys before placeholders are taken out: a placeholder identifies nobody, but it tells a test lead. -#}
with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
),

character_maps as (
    select * from {{ ref('int_identity__character_maps') }}
),

typed as (
    select distinct person_name as raw_name
    from record_versions
    where person_name is not null
)

select
    typed.raw_name,
    trim({{ regexp_replace_all(
        fold_characters('lower(typed.raw_name)', ['width']), "'[^\\p{L}]+'", "' '"
    ) }}) as name_key
from typed
cross join character_maps
