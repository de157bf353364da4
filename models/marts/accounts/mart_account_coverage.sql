with

accounts as (
    select * from {{ ref('dim_account') }}
),

lists as (
    select distinct account_id
    from {{ ref('bridge_account_target_list') }}
    where is_current
),

persons as (
    select * from {{ ref('int_identity__persons') }}
    where not is_anonymous and not is_cleaned_out
),

person_roles as (
    select distinct
        person_id,
        role
    from {{ ref('int_accounts__person_roles') }}
    where valid_to is null
),

contactability as (
    select * from {{ ref('mart_contactability') }}
    where is_contactable
),

contact_purposes as (
    select * from {{ ref('contact_purposes') }}
    where is_form_default
),

roles as (
    select * from {{ ref('buying_roles') }}
    where is_wanted
),

-- an account that we know nobody of matters only when it is a target
covered as (
    select
        accounts.account_id,
        lists.account_id is not null as is_target_account
    from accounts
    left join lists
        on accounts.account_id = lists.account_id
    where accounts.known_person_count > 0 or lists.account_id is not null
),

reachable as (
    select distinct contactability.person_id
    from contactability
    inner join contact_purposes
        on contactability.purpose = contact_purposes.purpose
),

filled as (
    select
        persons.account_id,
        person_roles.role,
        count(*) as known_count,
        count(reachable.person_id) as reachable_count
    from persons
    inner join person_roles
        on persons.person_id = person_roles.person_id
    left join reachable
        on persons.person_id = reachable.person_id
    where persons.account_id is not null
    group by persons.account_id, person_roles.role
)

select
    covered.account_id,
    roles.role,
    roles.label_en as role_label_en,
    roles.label_zh as role_label_zh,
    case
        when filled.reachable_count > 0 then 'reachable'
        when filled.known_count > 0 then 'known'
        else 'missing'
    end as coverage,
    coalesce(filled.known_count, 0) as known_count,
    coalesce(filled.reachable_count, 0) as reachable_count,
    covered.is_target_account
from covered
cross join roles
left join filled
    on
        covered.account_id = filled.account_id
        and roles.role = filled.role
