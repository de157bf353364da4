with

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

crm_accounts as (
    select * from {{ ref('int_identity__crm_accounts') }}
),

account_ancestors as (
    select * from {{ ref('int_identity__account_ancestors') }}
),

business_day as (
    select * from {{ ref('business_day') }}
),

-- few objects ever change their account
moved_records as (
    select birth_order
    from record_versions
    where crm_account_id is not null
    group by birth_order
    having min(crm_account_id) <> max(crm_account_id)
),

employed as (
    select
        record_versions.record_id,
        record_versions.source_table,
        record_versions.source_system,
        record_versions.version_number,
        record_versions.observed_at,
        crm_accounts.account_id
    from record_versions
    inner join moved_records
        on record_versions.birth_order = moved_records.birth_order
    inner join crm_accounts
        on
            record_versions.source_system = crm_accounts.source_system
            and record_versions.crm_account_id = crm_accounts.crm_account_id
    where not record_versions.is_deleted and record_versions.observed_at <= {{ as_of() }}
),

-- of several versions of one save, the one that arrived last
saved as (
    select *
    from employed
    qualify row_number() over (partition by record_id, observed_at order by version_number desc) = 1
),

stays as (
    select
        *,
        lag(account_id) over (partition by record_id order by observed_at) as account_before
    from saved
),

moves as (
    select
        *,
        lag(observed_at) over (partition by record_id order by observed_at) as previous_move_at,
        lag(account_before) over (partition by record_id order by observed_at) as previous_account_before,
        lead(account_id) over (partition by record_id order by observed_at) as next_account_id,
        lead(observed_at) over (partition by record_id order by observed_at) as next_move_at
    from stays
    where account_id <> account_before
),

-- moved and moved back on one day of the company is a slip of the hand
real_moves as (
    select moves.*
    from moves
    cross join business_day
    where
        not coalesce(
            moves.next_account_id = moves.account_before
            and {{ local_day('moves.next_move_at', 'business_day.time_zone') }}
            = {{ local_day('moves.observed_at', 'business_day.time_zone') }},
            false
        )
        and not coalesce(
            moves.previous_account_before = moves.account_id
            and {{ local_day('moves.previous_move_at', 'business_day.time_zone') }}
            = {{ local_day('moves.observed_at', 'business_day.time_zone') }},
            false
        )
),

of_persons as (
    select
        record_persons.person_id,
        real_moves.*
    from real_moves
    inner join record_persons
        on real_moves.record_id = record_persons.record_id
    left join account_ancestors as parents
        on
            real_moves.account_id = parents.account_id
            and real_moves.account_before = parents.ancestor_account_id
    left join account_ancestors as children
        on
            real_moves.account_id = children.ancestor_account_id
            and real_moves.account_before = children.account_id
    -- to the parent, or from it, is a change of desk
    where parents.account_id is null and children.account_id is null
),

-- the CRM may tell the same move on the lead, on the contact and in two systems
told_once as (
    select
        *,
        lag(account_id) over (
            partition by person_id order by observed_at, record_id
        ) as previous_to_account_id
    from of_persons
)

select
    person_id,
    lag(observed_at) over (partition by person_id order by observed_at, record_id) as previous_changed_at,
    observed_at as changed_at,
    account_before as from_account_id,
    account_id as to_account_id,
    record_id,
    source_table,
    source_system,
    false as is_date_only
from told_once
where account_id is distinct from previous_to_account_id
