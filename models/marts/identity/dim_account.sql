with

accounts as (
    select * from {{ ref('int_identity__accounts') }}
),

persons as (
    select * from {{ ref('int_identity__persons') }}
),

members as (
    select
        account_id,
        count(*) as person_count,
        count(*) filter (where not is_anonymous) as known_person_count,
        bool_or(is_competitor) as has_competitor_person,
        min(first_seen_at) as first_seen_at
    from persons
    where account_id is not null
    group by account_id
)

select
    accounts.account_id,
    accounts.crm_source_system,
    accounts.crm_account_id,
    accounts.parent_account_id,
    accounts.parent_rule,
    accounts.account_name,
    accounts.domain,
    accounts.industry,
    accounts.country,
    accounts.region,
    accounts.rule as account_rule,
    accounts.employees,
    accounts.annual_revenue,
    accounts.account_tie_count,
    coalesce(members.person_count, 0) as person_count,
    coalesce(members.known_person_count, 0) as known_person_count,
    coalesce(members.has_competitor_person, false) as has_competitor_person,
    members.first_seen_at
from accounts
left join members
    on accounts.account_id = members.account_id
