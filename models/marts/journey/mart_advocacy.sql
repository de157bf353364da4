with

referrals as (
    select * from {{ ref('int_journey__referrals') }}
    where not is_own
),

interactions as (
    select * from {{ ref('fct_interaction') }}
),

share_types as (
    select interaction_type from {{ ref('advocacy_actions') }}
),

revenue as (
    select * from {{ ref('int_finance__revenue') }}
),

persons as (
    select * from {{ ref('int_identity__persons') }}
),

reporting as (
    select currency as reporting_currency from {{ ref('reporting_currency') }}
),

-- whoever was sent more than once is credited to the first who sent
first_referrals as (
    select *
    from referrals
    where referrer_person_id is not null
    qualify row_number() over (partition by referred_person_id order by submitted_at, record_id) = 1
),

won as (
    select
        first_referrals.referrer_person_id,
        first_referrals.referred_person_id,
        sum(revenue.reporting_amount) as won_amount
    from first_referrals
    inner join revenue
        on
            first_referrals.referred_person_id = revenue.person_id
            and first_referrals.submitted_at <= revenue.won_at
    group by first_referrals.referrer_person_id, first_referrals.referred_person_id
),

won_by_referrer as (
    select
        referrer_person_id,
        count(*) as referred_customer_count,
        sum(won_amount) as referred_amount
    from won
    group by referrer_person_id
),

sent as (
    select
        coalesce(referrer_person_id, '(unknown)') as person_id,
        count(*) as referral_count,
        count(distinct referred_person_id) as referred_person_count,
        min(submitted_at) as first_at,
        max(submitted_at) as last_at
    from referrals
    group by coalesce(referrer_person_id, '(unknown)')
),

shared as (
    select
        interactions.person_id,
        count(*) as share_count,
        min(interactions.occurred_at) as first_at,
        max(interactions.occurred_at) as last_at
    from interactions
    inner join share_types
        on interactions.interaction_type = share_types.interaction_type
    group by interactions.person_id
),

advocates as (
    select person_id from sent
    union
    select person_id from shared
)

select
    advocates.person_id,
    persons.account_id,
    coalesce(shared.share_count, 0) as share_count,
    coalesce(sent.referral_count, 0) as referral_count,
    coalesce(sent.referred_person_count, 0) as referred_person_count,
    coalesce(won_by_referrer.referred_customer_count, 0) as referred_customer_count,
    reporting.reporting_currency,
    cast(coalesce(won_by_referrer.referred_amount, 0) as decimal(18, 2)) as referred_amount,
    advocates.person_id <> '(unknown)' as is_known,
    least(sent.first_at, shared.first_at) as first_at,
    greatest(sent.last_at, shared.last_at) as last_at
from advocates
cross join reporting
left join persons
    on advocates.person_id = persons.person_id
left join sent
    on advocates.person_id = sent.person_id
left join shared
    on advocates.person_id = shared.person_id
left join won_by_referrer
    on advocates.person_id = won_by_referrer.referrer_person_id
