{#- The law that protects each person: the strictest of all countries that are known of them, of all when none is. -#}
with

persons as (
    select * from {{ ref('int_identity__persons') }}
    where not is_anonymous
),

consent_events as (
    select * from {{ ref('int_consent__events') }}
),

consent_countries as (
    select * from {{ ref('consent_countries') }}
),

consent_regimes as (
    select * from {{ ref('consent_regimes') }}
),

strictest as (
    select max_by(regime, strictness) as regime
    from consent_regimes
),

known_countries as (
    select
        person_id,
        country as country_code
    from persons
    where country is not null

    union

    select
        person_id,
        country_code
    from consent_events
    where country_code is not null
),

ranked as (
    select
        known_countries.person_id,
        known_countries.country_code,
        consent_regimes.regime,
        row_number() over (
            partition by known_countries.person_id
            order by consent_regimes.strictness desc, known_countries.country_code asc
        ) as position
    from known_countries
    cross join strictest
    left join consent_countries
        on known_countries.country_code = consent_countries.country_code
    inner join consent_regimes
        on coalesce(consent_countries.regime, strictest.regime) = consent_regimes.regime
)

select
    persons.person_id,
    ranked.country_code,
    coalesce(ranked.regime, strictest.regime) as regime
from persons
cross join strictest
left join ranked
    on
        persons.person_id = ranked.person_id
        and ranked.position = 1
