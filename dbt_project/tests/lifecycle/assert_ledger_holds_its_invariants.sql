{{ config(meta={'dagster': {'ref': {'name': 'fct_lifecycle_transition'}}}) }}
-- Each row is a ledger entry that breaks a promise of the ledger; reason says which.
with

ledger as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

customer_periods as (
    select * from {{ ref('int_lifecycle__customer_periods') }}
),

stages as (
    select * from {{ ref('stages') }}
),

ladder as (
    select
        max(stage_rank) as top_rank,
        max(case when is_entry then stage_rank end) as door_rank
    from stages
),

customer_rows as (
    select
        ledger.person_id,
        ledger.entered_at,
        ledger.exited_at
    from ledger
    inner join ladder
        on ledger.stage_rank = ladder.top_rank
    where ledger.track = 'acquisition'
),

first_customers as (
    select
        person_id,
        min(entered_at) as entered_at
    from customer_rows
    group by person_id
),

-- who is judged as a customer is one on the ladder, from the same moment to the same moment
unlike_periods as (
    (
        select
            person_id,
            began_at,
            ended_at
        from customer_periods
        except
        select
            person_id,
            entered_at,
            exited_at
        from customer_rows
    )
    union all
    (
        select
            person_id,
            entered_at,
            exited_at
        from customer_rows
        except
        select
            person_id,
            began_at,
            ended_at
        from customer_periods
    )
),

neighbours as (
    select
        *,
        lead(entered_at) over walk as next_entered_at,
        lead(stage) over walk as stage_after,
        lead(stage_rank) over walk as rank_after,
        lead(cycle_number) over walk as cycle_after,
        row_number() over (partition by person_id, stage order by entered_at, track, cycle_number, stage_rank) as counted_entry
    from ledger
    window walk as (partition by person_id, track order by entered_at, cycle_number, stage_rank)
),

current_rows as (
    select
        person_id,
        track,
        sum(case when is_current then 1 else 0 end) as current_count,
        min(case when outcome is null then 0 else 1 end) as is_only_closed,
        max(case when is_current then 1 else 0 end) as has_current,
        max_by(outcome, entered_at) as last_outcome
    from ledger
    group by
        person_id,
        track
)

select
    transition_id,
    'an interval of a track overlaps the next or leaves a gap' as reason
from neighbours
where
    next_entered_at is not null
    and (exited_at is null or exited_at > next_entered_at or (exited_at < next_entered_at and outcome is null))

union all

select
    transition_id,
    'the next stage is not the stage that comes next' as reason
from neighbours
where outcome is null and next_stage is distinct from stage_after

union all

select
    transition_id,
    'an interval ends before it begins' as reason
from neighbours
where exited_at < entered_at

union all

select
    transition_id,
    'the rank falls inside a cycle' as reason
from neighbours
where cycle_after = cycle_number and rank_after <= stage_rank

union all

select
    transition_id,
    'entry numbers do not run from 1 without a gap' as reason
from neighbours
where counted_entry <> entry_number

union all

select
    transition_id,
    'the entry names no signal' as reason
from neighbours
where signal is null

union all

select
    transition_id,
    'active days are less than nothing or more than stage days' as reason
from neighbours
where active_days < -1e-9 or active_days > stage_days + 1e-9

union all

select
    person_id as transition_id,
    'a track has no current row, or several' as reason
from current_rows
where current_count > 1 or (current_count = 0 and not (track = 'expansion' and last_outcome is not null))

union all

select
    ledger.transition_id,
    'the direction or skipped_stages are not those of the ranks' as reason
from ledger
cross join ladder
left join stages as previous_stages
    on ledger.previous_stage = previous_stages.stage
where
    case ledger.direction
        when 'start'
            then previous_stages.stage_rank is not null or ledger.stage_rank > ladder.door_rank + 1 or ledger.skipped_stages <> 0
        when 'advance'
            then coalesce(previous_stages.stage_rank <> ledger.stage_rank - 1, true) or ledger.skipped_stages <> 0
        when 'skip'
            then
                ledger.skipped_stages < 1
                or ledger.skipped_stages <> ledger.stage_rank - coalesce(previous_stages.stage_rank, ladder.door_rank) - 1
        when 'return' then coalesce(previous_stages.stage_rank <= ledger.stage_rank, true) or ledger.skipped_stages <> 0
        when 'new_cycle' then ledger.skipped_stages <> 0
        else true
    end

union all

select
    ledger.transition_id,
    'an expansion of somebody who was no customer before' as reason
from ledger
left join first_customers
    on ledger.person_id = first_customers.person_id
where ledger.track = 'expansion' and (first_customers.entered_at is null or first_customers.entered_at > ledger.entered_at)

union all

select
    person_id as transition_id,
    'customer on the ladder and customer for the expansion track are not the same time' as reason
from unlike_periods
