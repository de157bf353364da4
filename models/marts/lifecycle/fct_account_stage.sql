{#- Per rank, how many purchases or persons hold it after each instant, as a running sum; the highest rank that is held is the stage. -#}
{%- set levels = var('lifecycle_rank_levels') | int(9) -%}

with

purchases as (
    select * from {{ ref('int_lifecycle__account_purchases') }}
),

deals as (
    select * from {{ ref('int_lifecycle__opportunity_stints') }}
    where person_id is null
),

crm_accounts as (
    select * from {{ ref('int_identity__crm_accounts') }}
),

ledger as (
    select * from {{ ref('fct_lifecycle_transition') }}
    where track = 'acquisition' and account_id is not null
),

stages as (
    select * from {{ ref('stages') }}
),

signals as (
    select * from {{ ref('signals') }}
    where signal = 'sales_accepted'
),

top_rank as (
    select max(stage_rank) as stage_rank
    from stages
),

-- tested from the last stage upward: customer by the account's own purchases, every stage below it by its persons; an open deal that
-- names no person moves its account alone
held as (
    select
        purchases.account_id,
        top_rank.stage_rank,
        purchases.bought_at as entered_at,
        purchases.ended_at as exited_at,
        false as is_of_person
    from purchases
    cross join top_rank

    union all

    select
        crm_accounts.account_id,
        stages.stage_rank,
        deals.opened_at as entered_at,
        deals.closed_at as exited_at,
        false as is_of_person
    from deals
    inner join crm_accounts
        on
            deals.source_system = crm_accounts.source_system
            and deals.crm_account_id = crm_accounts.crm_account_id
    cross join signals
    inner join stages
        on signals.to_stage = stages.stage
    -- one that closed as it opened, or was said to have closed before, held nothing
    where deals.closed_at is null or deals.closed_at > deals.opened_at

    union all

    select
        ledger.account_id,
        ledger.stage_rank,
        ledger.entered_at,
        ledger.exited_at,
        true as is_of_person
    from ledger
    cross join top_rank
    where ledger.stage_rank < top_rank.stage_rank
),

changes as (
    select
        account_id,
        stage_rank,
        entered_at as changed_at,
        is_of_person,
        1 as holders
    from held

    union all

    select
        account_id,
        stage_rank,
        exited_at as changed_at,
        is_of_person,
        -1 as holders
    from held
    where exited_at is not null
),

instants as (
    select
        account_id,
        changed_at,
    {% for rank in range(1, levels + 1) -%}
        sum(case when stage_rank = {{ rank }} then holders else 0 end) as change_{{ rank }},
        sum(case when stage_rank = {{ rank }} and is_of_person then holders else 0 end) as persons_{{ rank }}{{ "," if not loop.last }}
    {% endfor %}
    from changes
    group by
        account_id,
        changed_at
),

running as (
    select
        account_id,
        changed_at,
    {% for rank in range(1, levels + 1) -%}
        sum(change_{{ rank }}) over so_far as held_{{ rank }},
        sum(persons_{{ rank }}) over so_far as person_count_{{ rank }}{{ "," if not loop.last }}
    {% endfor %}
    from instants
    window so_far as (
        partition by account_id order by changed_at
        rows between unbounded preceding and current row
    )
),

standing as (
    select
        account_id,
        changed_at,
        case
            {%- for rank in range(levels, 0, -1) %}
                when held_{{ rank }} > 0 then {{ rank }}
            {%- endfor %}
            else 0
        end as stage_rank,
        case
            {%- for rank in range(levels, 0, -1) %}
                when held_{{ rank }} > 0 then held_{{ rank }}
            {%- endfor %}
            else 0
        end as holder_count,
        case
            {%- for rank in range(levels, 0, -1) %}
                when held_{{ rank }} > 0 then person_count_{{ rank }}
            {%- endfor %}
            else 0
        end as person_count
    from running
),

compared as (
    select
        *,
        coalesce(lag(stage_rank) over (partition by account_id order by changed_at), 0) as rank_before
    from standing
),

turns as (
    select
        *,
        lead(changed_at) over (partition by account_id order by changed_at) as exited_at,
        lead(stage_rank) over (partition by account_id order by changed_at) as rank_after
    from compared
    where stage_rank <> rank_before
)

select
    {{ md5_text(['turns.account_id', 'turns.changed_at']) }} as account_stage_id,
    turns.account_id,
    stages.stage,
    turns.stage_rank,
    turns.changed_at as entered_at,
    turns.exited_at,
    previous_stages.stage as previous_stage,
    next_stages.stage as next_stage,
    case
        when turns.stage_rank = top_rank.stage_rank then 'account'
        when turns.person_count = 0 then 'deals'
        else 'persons'
    end as decided_by,
    cast(turns.holder_count as integer) as holder_count,
    {{ days_between('turns.changed_at', 'coalesce(turns.exited_at, ' ~ as_of() ~ ')') }} as stage_days,
    turns.exited_at is null as is_current
from turns
cross join top_rank
inner join stages
    on turns.stage_rank = stages.stage_rank
left join stages as previous_stages
    on turns.rank_before = previous_stages.stage_rank
left join stages as next_stages
    on turns.rank_after = next_stages.stage_rank
