with

account_candidates as (
    select * from {{ ref('int_identity__account_candidates') }}
),

accounts as (
    select * from {{ ref('int_identity__accounts') }}
),

tie_reasons as (
    select * from {{ ref('account_tie_reasons') }}
)

select
    account_candidates.person_id,
    account_candidates.account_id,
    accounts.account_name,
    account_candidates.account_rule,
    account_candidates.key_type,
    account_candidates.key_value,
    account_candidates.chosen_because as tie_rule,
    tie_reasons.reason_en,
    tie_reasons.reason_zh,
    account_candidates.candidate_count,
    account_candidates.candidate_number,
    account_candidates.is_chosen,
    account_candidates.observed_at
from account_candidates
inner join accounts
    on account_candidates.account_id = accounts.account_id
left join tie_reasons
    on account_candidates.chosen_because = tie_reasons.tie_rule
where account_candidates.candidate_count > 1
