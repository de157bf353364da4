{{ config(meta={'dagster': {'ref': {'name': 'fct_account_stage'}}}) }}
-- Each row is a stage of an account that overlaps the next, leaves a gap that nobody explains, or is not followed by what it says. Only
-- where the last person has left an account, it stands nowhere for a while.
with

account_stages as (
    select * from {{ ref('fct_account_stage') }}
),

neighbours as (
    select
        *,
        lag(stage) over walk as stage_before,
        lag(exited_at) over walk as exited_before,
        lead(entered_at) over walk as next_entered_at
    from account_stages
    window walk as (partition by account_id order by entered_at)
)

select
    account_stage_id,
    'it overlaps the next stage' as reason
from neighbours
where next_entered_at is not null and (exited_at is null or exited_at > next_entered_at)

union all

select
    account_stage_id,
    'there is a gap before it, or the stage before is not the one that it names' as reason
from neighbours
where
    case
        when previous_stage is null then coalesce(exited_before >= entered_at, false)
        else stage_before is distinct from previous_stage or exited_before is distinct from entered_at
    end

union all

select
    account_stage_id,
    'it names a next stage that does not come' as reason
from neighbours
where (exited_at is null and next_stage is not null) or (next_stage is not null and next_entered_at is distinct from exited_at)

union all

select
    account_stage_id,
    'it goes on into the stage that it is' as reason
from neighbours
where next_stage = stage or previous_stage = stage

union all

select
    account_stage_id,
    'it is current and has ended, or neither' as reason
from neighbours
where is_current <> (exited_at is null)
