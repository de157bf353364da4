{#- The accounts that may be a person's now: those of the strongest rule that says anything, seen last at the same instant. One of them is
    chosen, in this order: the one its key stands for, the one the person was seen with first, the first by name of the key. -#}
with

account_evidence as (
    select * from {{ ref('int_identity__account_evidence') }}
),

strongest as (
    select
        person_id,
        min(priority) as priority
    from account_evidence
    group by person_id
),

newest as (
    select
        account_evidence.*,
        max(account_evidence.observed_at) over (partition by account_evidence.person_id) as newest_at
    from account_evidence
    inner join strongest
        on account_evidence.person_id = strongest.person_id
            and account_evidence.priority = strongest.priority
),

current_keys as (
    select *
    from newest
    where observed_at = newest_at
        or newest_at is null
),

per_account as (
    select *
    from current_keys
    qualify row_number() over (
            partition by person_id, account_id
            order by case when is_key_choice then 0 else 1 end, first_seen_at asc nulls last, key_value asc
        ) = 1
),

key_counts as (
    select
        person_id,
        count(distinct key_type || '|' || key_value) as key_count
    from current_keys
    group by person_id
),

numbered as (
    select
        per_account.*,
        key_counts.key_count,
        row_number() over (
            partition by per_account.person_id
            order by
                case when per_account.is_key_choice then 0 else 1 end,
                per_account.first_seen_at asc nulls last, per_account.key_value asc, per_account.account_id asc
        ) as candidate_number,
        count(*) over (partition by per_account.person_id) as candidate_count
    from per_account
    inner join key_counts
        on per_account.person_id = key_counts.person_id
)

select
    person_id,
    account_id,
    account_rule,
    key_type,
    key_value,
    case
        when candidate_count = 1 then 'only_candidate'
        when key_count > 1 then 'seen_first'
        else chosen_because
    end as chosen_because,
    candidate_count,
    candidate_number,
    candidate_number = 1 as is_chosen,
    observed_at
from numbered
