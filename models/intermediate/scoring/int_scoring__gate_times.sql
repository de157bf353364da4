with

persons as (
    select * from {{ ref('int_identity__persons') }}
    where identified_at is not null
),

person_identifiers as (
    select * from {{ ref('int_identity__person_identifiers') }}
    where is_usable
),

profile_history as (
    select * from {{ ref('int_identity__profile_history') }}
),

gates as (
    select * from {{ ref('gates') }}
),

met as (
    select
        person_id,
        'email_or_mobile' as requirement,
        min(first_seen_at) as met_at
    from person_identifiers
    where identifier_type = 'email' or is_mobile
    group by person_id

    union all

    select
        person_id,
        'corporate_email' as requirement,
        min(first_seen_at) as met_at
    from person_identifiers
    where is_corporate_email
    group by person_id

    union all

    select
        person_id,
        'mobile' as requirement,
        min(first_seen_at) as met_at
    from person_identifiers
    where is_mobile
    group by person_id

    union all

    select
        person_id,
        'not_test' as requirement,
        identified_at as met_at
    from persons
    where not is_test

    union all

    select
        person_id,
        attribute as requirement,
        min(valid_from) as met_at
    from profile_history
    where attribute in (select gates.requirement from gates) and value is not null
    group by
        person_id,
        attribute
),

checked as (
    select
        persons.person_id,
        gates.gate,
        gates.requirement,
        met.met_at
    from persons
    cross join gates
    left join met
        on
            persons.person_id = met.person_id
            and gates.requirement = met.requirement
)

select
    person_id,
    gate,
    case when count(*) = count(met_at) then max(met_at) end as complete_at,
    {{ sorted_distinct_array('case when met_at is null then requirement end') }} as missing_requirements
from checked
group by
    person_id,
    gate
