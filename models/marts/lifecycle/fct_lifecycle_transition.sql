with

entries as (
    select * from {{ ref('int_lifecycle__entries') }}
),

persons as (
    select * from {{ ref('int_identity__persons') }}
),

stages as (
    select * from {{ ref('stages') }}
),

segments as (
    select * from {{ ref('int_lifecycle__entry_segments') }}
),

scores as (
    select * from {{ ref('int_lifecycle__entry_scores') }}
),

routes as (
    select * from {{ ref('int_lifecycle__entry_routes') }}
),

job_changes as (
    select * from {{ ref('int_lifecycle__job_changes') }}
),

inactive_periods as (
    select * from {{ ref('int_lifecycle__inactive_periods') }}
),

timed as (
    select
        *,
        coalesce(exited_at, {{ as_of() }}) as counted_until
    from entries
),

inactive_days as (
    select
        timed.person_id,
        timed.track,
        timed.event_number,
        cast({{ exact_sum(days_between(
            'greatest(timed.entered_at, inactive_periods.began_at)', 'least(timed.counted_until, inactive_periods.ended_at)'
        )) }} as double) as inactive_days
    from timed
    inner join inactive_periods
        on
            timed.person_id = inactive_periods.person_id
            and timed.counted_until > inactive_periods.began_at
            and timed.entered_at < inactive_periods.ended_at
    group by
        timed.person_id,
        timed.track,
        timed.event_number
)

select
    -- ids
    {{ md5_text(['timed.person_id', 'timed.stage', 'timed.entry_number']) }} as transition_id,
    timed.person_id,
    coalesce(job_changes.from_account_id, persons.account_id) as account_id,

    -- where in the journey
    timed.track,
    timed.cycle_number,
    timed.stage,
    timed.stage_rank,
    timed.entry_number,
    stages.label_en
    || '-'
    || case when timed.entry_number < 10 then '0' else '' end
    || cast(timed.entry_number as varchar) as stage_label,
    timed.entered_at,
    timed.exited_at,
    timed.previous_stage,
    timed.next_stage,
    timed.direction,
    timed.skipped_stages,
    timed.entry_number > 1 as is_reentry,

    -- why
    timed.signal,
    timed.record_id,
    case when timed.source_table like 'crm.%' then 'entered' else 'observed' end as evidence_kind,
    timed.is_date_only,
    scores.total_score as score_at_entry,
    routes.route,
    coalesce(routes.motion, 'inbound') as motion,

    -- how long
    {{ days_between('timed.entered_at', 'timed.counted_until') }} as stage_days,
    {{ days_between('timed.entered_at', 'timed.counted_until') }}
    - coalesce(inactive_days.inactive_days, 0) as active_days,
    timed.exited_at is null as is_current,
    coalesce(
        {{ days_between('timed.entered_at', 'timed.counted_until') }} > stages.stage_sla_days, false
    ) as is_stage_sla_breached,
    timed.outcome,

    -- segments, frozen at entry
    segments.channel,
    segments.campaign_id,
    segments.region,
    segments.industry,
    segments.company_size
from timed
inner join persons
    on timed.person_id = persons.person_id
inner join stages
    on timed.stage = stages.stage
inner join segments
    on
        timed.person_id = segments.person_id
        and timed.track = segments.track
        and timed.event_number = segments.event_number
-- the account of a row is the one of its time: the account that the next change of employer left
left join job_changes
    on
        timed.person_id = job_changes.person_id
        and timed.entered_at < job_changes.changed_at
        and (job_changes.previous_changed_at is null or timed.entered_at >= job_changes.previous_changed_at)
left join scores
    on
        timed.person_id = scores.person_id
        and timed.entered_at = scores.occurred_at
left join routes
    on
        timed.person_id = routes.person_id
        and timed.track = routes.track
        and timed.event_number = routes.event_number
left join inactive_days
    on
        timed.person_id = inactive_days.person_id
        and timed.track = inactive_days.track
        and timed.event_number = inactive_days.event_number
