{#- The names that clusters have shown, one by one, on each weak identifier that several of them share. -#}
with

weak_holders as (
    select * from {{ ref('int_identity__weak_holders') }}
),

-- an identifier with more names than this is hot long before, so no name beyond them is asked for
positions as (
    select numbers.position
    from {{ integers_to(40) }} as numbers
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
