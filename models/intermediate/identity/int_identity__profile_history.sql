with

profile_observations as (
    select * from {{ ref('int_identity__profile_observations') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

survivorship as (
    select * from {{ ref('survivorship') }}
),

trusted as (
    select
        record_persons.person_id,
        profile_observations.attribute,
        profile_observations.value,
        profile_observations.observed_at,
        profile_observations.record_id,
        profile_observations.source_table,
        profile_observations.source_system,
        record_persons.birth_order,
        profile_observations.version_number,
        -- a guarded address serves until a better one is known
        case
            when profile_observations.is_guarded then 0
            else coalesce(by_attribute.trust, by_table.trust, 0)
        end as trust
    from profile_observations
    inner join record_persons
        on profile_observations.record_id = record_persons.record_id
    left join survivorship as by_attribute
        on profile_observations.source_table = by_attribute.source_table
            and profile_observations.attribute = by_attribute.attribute
    left join survivorship as by_table
        on profile_observations.source_table = by_table.source_table
            and by_table.attribute = '*'
),

-- what a record says of an instant is what its last version says of it
last_said as (
    select *
    from trusted
    qualify row_number() over (
            partition by person_id, attribute, observed_at, record_id
            order by trust desc, version_number desc, value asc
        ) = 1
),

-- of several records at one instant: the more trusted, then the fuller value, then the later record
one_per_instant as (
    select *
    from last_said
    qualify row_number() over (
            partition by person_id, attribute, observed_at
            order by trust desc, length(value) desc, birth_order desc, value asc
        ) = 1
),

raced as (
    select
        *,
        max(trust) over (
            partition by person_id, attribute
            order by observed_at
            rows between unbounded preceding and current row
        ) as highest_trust
    from one_per_instant
),

winners as (
    select
        *,
        lag(value) over (partition by person_id, attribute order by observed_at) as value_before
    from raced
    where trust >= highest_trust
),

changes as (
    select *
    from winners
    where value_before is null
        or value_before <> value
)

select
    person_id,
    attribute,
    value,
    record_id,
    source_table,
    source_system,
    trust,
    observed_at as valid_from,
    lead(observed_at) over (partition by person_id, attribute order by observed_at) as valid_to
from changes
