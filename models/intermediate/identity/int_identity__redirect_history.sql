{#- Redirects that hold, and those that held until a person was taken apart. What holds follows from what has landed; that something
    once held is remembered from night to night. -#}
with

redirects as (
    select * from {{ ref('int_identity__redirects') }}
),

night as (
    select * from {{ ref('int_identity__night') }}
),

-- a full night forgets nothing either
remembered as (
    select earlier.*
    from {{ kept_rows({
        'retired_person_id': 'varchar', 'person_id': 'varchar', 'because': 'varchar', 'load_sequence': 'bigint', 'valid_from': 'timestamp',
        'valid_to': 'timestamp'
    }) }} as earlier
    cross join night
    where earlier.valid_from <= night.as_of
),

ended as (
    select
        remembered.retired_person_id,
        remembered.person_id,
        remembered.because,
        remembered.load_sequence,
        remembered.valid_from,
        coalesce(remembered.valid_to, night.as_of) as valid_to
    from remembered
    cross join night
    left join redirects
        on remembered.retired_person_id = redirects.retired_person_id
            and remembered.person_id = redirects.person_id
    where remembered.valid_to is not null
        or redirects.retired_person_id is null
),

last_ends as (
    select
        retired_person_id,
        max(valid_to) as valid_to
    from ended
    group by retired_person_id
),

-- a redirect that comes back begins when it came back, not when it first held
holding as (
    select
        redirects.retired_person_id,
        redirects.person_id,
        redirects.because,
        redirects.load_sequence,
        greatest(coalesce(redirects.merged_at, last_ends.valid_to), coalesce(last_ends.valid_to, redirects.merged_at)) as valid_from,
        cast(null as timestamp) as valid_to
    from redirects
    left join last_ends
        on redirects.retired_person_id = last_ends.retired_person_id
)

select * from holding
union all
select * from ended
