with

persons as (
    select * from {{ ref('int_identity__persons') }}
    where identified_at is not null
),

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
    where is_engagement
),

behaviour_events as (
    select * from {{ ref('int_scoring__behaviour_events') }}
),

fit_events as (
    select * from {{ ref('int_scoring__fit_events') }}
),

profile_history as (
    select * from {{ ref('int_identity__profile_history') }}
),

person_identifiers as (
    select * from {{ ref('int_identity__person_identifiers') }}
),

own_moments as (
    select
        person_id,
        occurred_at,
        true as is_engagement,
        is_meaningful,
        false as is_qualifying
    from interactions

    union all

    select
        person_id,
        occurred_at,
        false as is_engagement,
        false as is_meaningful,
        is_qualifying
    from behaviour_events

    union all

    select
        person_id,
        occurred_at,
        false as is_engagement,
        false as is_meaningful,
        false as is_qualifying
    from fit_events

    union all

    select
        person_id,
        valid_from as occurred_at,
        false as is_engagement,
        false as is_meaningful,
        false as is_qualifying
    from profile_history

    union all

    select
        person_id,
        first_seen_at as occurred_at,
        false as is_engagement,
        false as is_meaningful,
        false as is_qualifying
    from person_identifiers

    union all

    select
        person_id,
        identified_at as occurred_at,
        false as is_engagement,
        false as is_meaningful,
        false as is_qualifying
    from persons
)

-- the instants at which something of the person's own changed; nobody moves at any other
select
    own_moments.person_id,
    own_moments.occurred_at,
    own_moments.occurred_at >= persons.identified_at as is_known,
    bool_or(own_moments.is_engagement) as is_engagement,
    bool_or(own_moments.is_meaningful) as is_meaningful,
    bool_or(own_moments.is_qualifying) as is_qualifying
from own_moments
inner join persons
    on own_moments.person_id = persons.person_id
where own_moments.occurred_at <= {{ as_of() }}
group by
    own_moments.person_id,
    own_moments.occurred_at,
    persons.identified_at
