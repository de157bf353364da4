with

durations as (
    select * from {{ ref('fct_stage_duration') }}
),

stages as (
    select * from {{ ref('dim_stage') }}
),

statuses as (
    select * from {{ ref('fct_lifecycle_status') }}
),

importance as (
    select * from {{ ref('int_funnel__entry_importance') }}
),

known_persons as (
    select * from {{ ref('int_identity__persons') }}
    where not is_anonymous
),

person_owners as (
    select * from {{ ref('int_routing__person_owners') }}
),

sample_sizes as (
    select * from {{ ref('sample_sizes') }}
    where mart = 'mart_stalled_person'
),

-- how long those stayed who went up from here
moved_up as (
    select
        track,
        from_stage,
        count(*) as moved_up_count,
        round({{ percentile('stage_days', 0.9) }}, 6) as p90_days
    from durations
    where transition_kind in ('step', 'skip')
    group by track, from_stage
),

open_statuses as (
    select
        person_id,
        max(case when status = 'dormant' then 1 else 0 end) = 1 as is_dormant,
        max(case when status = 'disqualified' then 1 else 0 end) = 1 as is_disqualified
    from statuses
    where is_open
    group by person_id
),

judged as (
    select
        durations.*,
        stages.stage_type,
        stages.owner as owner_team,
        stages.stage_sla_days,
        moved_up.moved_up_count,
        case when moved_up.moved_up_count >= sample_sizes.minimum_count then moved_up.p90_days end as p90_days,
        coalesce(open_statuses.is_dormant, false) as is_dormant,
        coalesce(durations.stage_days > stages.stage_sla_days, false) as is_over_sla
    from durations
    inner join known_persons
        on durations.person_id = known_persons.person_id
    inner join stages
        on durations.from_stage = stages.stage
    cross join sample_sizes
    left join moved_up
        on
            durations.track = moved_up.track
            and durations.from_stage = moved_up.from_stage
    left join open_statuses
        on durations.person_id = open_statuses.person_id
    where
        durations.is_open
        and not coalesce(open_statuses.is_disqualified, false)
)

select
    judged.transition_id,
    judged.person_id,
    judged.account_id,
    judged.track,
    judged.from_stage as stage,
    judged.from_stage_rank as stage_rank,
    judged.stage_label,
    judged.stage_type,
    judged.owner_team,
    person_owners.owner_id,
    importance.importance,
    judged.channel,
    judged.region,
    judged.industry,
    judged.entered_at,
    judged.stage_days,
    judged.active_days,
    judged.stage_sla_days,
    judged.p90_days,
    judged.moved_up_count,
    judged.is_over_sla,
    coalesce(judged.stage_days > judged.p90_days, false) as is_over_p90,
    judged.is_dormant,
    round(
        judged.stage_days - least(
            coalesce(judged.stage_sla_days, judged.p90_days), coalesce(judged.p90_days, judged.stage_sla_days)
        ),
        6
    ) as days_over
from judged
inner join importance
    on judged.transition_id = importance.transition_id
left join person_owners
    on judged.person_id = person_owners.person_id
where
    judged.is_over_sla
    or judged.stage_days > judged.p90_days
