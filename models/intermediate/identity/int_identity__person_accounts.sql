{#- One current account per person: the CRM's, else the corporate domain's, else the company name's. -#}
with

account_candidates as (
    select * from {{ ref('int_identity__account_candidates') }}
)

select
    person_id,
    account_id,
    account_rule,
    candidate_count as account_tie_count
from account_candidates
where is_chosen
