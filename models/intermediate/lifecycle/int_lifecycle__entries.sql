with

acquisition_moves as (
    select * from {{ ref('int_lifecycle__acquisition_moves') }}
),

expansion_moves as (
    select * from {{ ref('int_lifecycle__expansion_moves') }}
),

stages as (
    select * from {{ ref('stages') }}
),

signals as (
    select * from {{ ref('signals') }}
),

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
    where direction = 'inbound'
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
    where has_own_row
),

unioned as (
    select * from acquisition_moves
    union all
    select * from expansion_moves
),

-- a closing ends the row before it and is no row itself
with_neighbours as (
    select
        *,
        lead(entered_at) over person_track as exited_at,
        lead(move) over person_track as next_move,
        lead(signal) over person_track as next_signal,
        case when lead(move) over person_track <> 'close' then lead(rank_after) over person_track end as next_rank
    from unioned
    window person_track as (partition by person_id, track order by event_number)
),

entries as (
    select * from with_neighbours
    where move <> 'close'
),

-- a signal that we computed names the person's own record of that instant
moment_interactions as (
    select
        entries.person_id,
        entries.entered_at,
        min(interactions.interaction_id) as record_id,
        min_by(interactions.source_table, interactions.interaction_id) as source_table
    from entries
    inner join interactions
        on
            entries.person_id = interactions.person_id
            and entries.entered_at = interactions.occurred_at
    where entries.record_id is null
    group by
        entries.person_id,
        entries.entered_at
),

moment_records as (
    select
        entries.person_id,
        entries.entered_at,
        min(record_persons.record_id) as record_id,
        min_by(record_persons.source_table, record_persons.record_id) as source_table
    from entries
    inner join record_persons
        on
            entries.person_id = record_persons.person_id
            and entries.entered_at = record_persons.observed_at
    where entries.record_id is null
    group by
        entries.person_id,
        entries.entered_at
),

doors as (
    select max(stage_rank) as door_rank
    from stages
    where is_entry
),

-- what closes an expansion: another employer, the end of being a customer, or a loss
closings as (
    select
        signals.signal,
        case
            when signals.kind = 'new_cycle' then 'left'
            when stages.stage_rank = (select max(all_stages.stage_rank) from stages as all_stages) then 'churned'
            else 'lost'
        end as outcome
    from signals
    left join stages
        on signals.from_min_stage = stages.stage
)

select
    entries.person_id,
    entries.track,
    entries.cycle_number,
    entries.event_number,
    stages.stage,
    entries.rank_after as stage_rank,
    cast(row_number() over (
        partition by entries.person_id, stages.stage
        order by entries.entered_at, entries.track, entries.event_number
    ) as integer) as entry_number,
    entries.entered_at,
    entries.exited_at,
    previous_stages.stage as previous_stage,
    next_stages.stage as next_stage,
    case
        when entries.move in ('return', 'new_cycle') then entries.move
        when entries.rank_before = 0 then case when entries.rank_after > doors.door_rank + 1 then 'skip' else 'start' end
        when entries.rank_after > entries.rank_before + 1 then 'skip'
        else 'advance'
    end as direction,
    cast(case
        when entries.move in ('return', 'new_cycle') then 0
        when entries.rank_before = 0 then greatest(0, entries.rank_after - doors.door_rank - 1)
        else entries.rank_after - entries.rank_before - 1
    end as integer) as skipped_stages,
    entries.signal,
    coalesce(entries.record_id, moment_interactions.record_id, moment_records.record_id) as record_id,
    coalesce(entries.source_table, moment_interactions.source_table, moment_records.source_table) as source_table,
    entries.is_date_only,
    entries.route,
    closings.outcome
from entries
cross join doors
inner join stages
    on entries.rank_after = stages.stage_rank
left join stages as previous_stages
    on entries.rank_before = previous_stages.stage_rank
left join stages as next_stages
    on entries.next_rank = next_stages.stage_rank
left join moment_interactions
    on
        entries.person_id = moment_interactions.person_id
        and entries.entered_at = moment_interactions.entered_at
left join moment_records
    on
        entries.person_id = moment_records.person_id
        and entries.entered_at = moment_records.entered_at
left join closings
    on
        entries.next_signal = closings.signal
        and entries.next_move = 'close'
