{#- The names that clusters have shown, one by one, on each weak identifier that several of them share. -#}
with

weak_holders as (
    select * from {{ ref('int_identity__weak_holders') }}
),

name_rules as (
    select * from {{ ref('name_rules') }}
),

limits as (
    select max(case when rule = 'max_names' then value end) as max_names
    from name_rules
),

positions as (
    select numbers.position
    from {{ integers_to(64) }} as numbers
    inner join limits
        on numbers.position <= limits.max_names
),

name_sets as (
    select distinct
        identifier_key,
        names_key
    from weak_holders
    where names_key is not null
)

select
    name_sets.identifier_key,
    name_sets.names_key,
    split_part(name_sets.names_key, '|', positions.position) as name_key
from name_sets
cross join positions
where split_part(name_sets.names_key, '|', positions.position) <> ''
