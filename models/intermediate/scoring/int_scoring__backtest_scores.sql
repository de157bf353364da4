{#-
    The rules' score of every person at the beginning of every month, and now, as it was known then.

    Points are summed per month in which they became known and per half-life first, decayed to the end of that month; a later month needs
    only those sums, each decayed once more. So a point is read once, however many months follow it.
-#}
with

cases as (
    select * from {{ ref('int_scoring__backtest_cases') }}
),

known_touches as (
    select * from {{ ref('int_scoring__known_touches') }}
),

behaviour_events as (
    select * from {{ ref('int_scoring__behaviour_events') }}
    where points <> 0
),

fit_events as (
    select * from {{ ref('int_scoring__fit_events') }}
),

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

rejections as (
    select * from {{ ref('int_scoring__rejections') }}
),

epoch_factors as (
    select * from {{ ref('int_scoring__epoch_factors') }}
),

scored as (
    select distinct
        scored_at,
        person_id
    from cases
),

looked_at as (
    select {{ as_of() }} as as_of
),

scored_persons as (
    select distinct person_id from scored
),

-- the first beginning of a month, or now, at which the points are known
dated as (
    select
        behaviour_events.person_id,
        behaviour_events.occurred_at,
        behaviour_events.points,
        coalesce(behaviour_events.half_life_days, 0) as half_life_days,
        least(
            cast(date_trunc('month', {{ add_days("date_trunc('month', known_touches.known_at)", 31) }}) as timestamp),
            looked_at.as_of
        ) as first_scored_at
    from behaviour_events
    cross join looked_at
    inner join known_touches
        on behaviour_events.interaction_id = known_touches.interaction_id
    inner join scored_persons
        on behaviour_events.person_id = scored_persons.person_id
),

with_epoch as (
    select
        dated.person_id,
        dated.occurred_at,
        dated.points,
        dated.half_life_days,
        dated.first_scored_at,
        coalesce(max(rejections.rejection_number), 0) as epoch
    from dated
    left join rejections
        on
            dated.person_id = rejections.person_id
            and dated.occurred_at > rejections.occurred_at
    group by
        dated.person_id,
        dated.occurred_at,
        dated.points,
        dated.half_life_days,
        dated.first_scored_at
),

with_remaining_share as (
    select
        *,
        case
            when half_life_days = 0 then 1.0
            else {{ exp2('- ' ~ days_between('occurred_at', 'first_scored_at') ~ ' / half_life_days') }}
        end as remaining_share
    from with_epoch
),

month_sums as (
    select
        person_id,
        half_life_days,
        epoch,
        first_scored_at,
        cast({{ exact_sum('points * remaining_share') }} as double) as points
    from with_remaining_share
    group by person_id, half_life_days, epoch, first_scored_at
),

case_epochs as (
    select
        scored.scored_at,
        scored.person_id,
        coalesce(max(rejections.rejection_number), 0) as epoch
    from scored
    left join rejections
        on
            scored.person_id = rejections.person_id
            and scored.scored_at > rejections.occurred_at
    group by scored.scored_at, scored.person_id
),

behaviour as (
    select
        case_epochs.scored_at,
        case_epochs.person_id,
        cast({{ exact_sum(
            "month_sums.points * coalesce(epoch_factors.factor, 1) * "
            ~ exp2("case when month_sums.half_life_days = 0 then 0 else - "
                   ~ days_between('month_sums.first_scored_at', 'case_epochs.scored_at') ~ " / month_sums.half_life_days end")
        ) }} as double) as behaviour_score
    from case_epochs
    inner join month_sums
        on
            case_epochs.person_id = month_sums.person_id
            and case_epochs.scored_at >= month_sums.first_scored_at
    left join epoch_factors
        on
            month_sums.person_id = epoch_factors.person_id
            and month_sums.epoch = epoch_factors.from_epoch
            and case_epochs.epoch = epoch_factors.to_epoch
    group by case_epochs.scored_at, case_epochs.person_id
),

-- what a version of a record tells counts once that version has arrived, what it tells of another moment once the record has
fit_known as (
    select
        fit_events.person_id,
        fit_events.occurred_at,
        fit_events.fit_group,
        fit_events.points,
        greatest(
            fit_events.occurred_at,
            coalesce(max(record_versions.arrived_at), max(record_persons.arrived_at), fit_events.occurred_at)
        ) as known_at
    from fit_events
    left join record_versions
        on
            fit_events.record_id = record_versions.record_id
            and fit_events.occurred_at = record_versions.observed_at
    left join record_persons
        on fit_events.record_id = record_persons.record_id
    group by fit_events.person_id, fit_events.occurred_at, fit_events.fit_group, fit_events.points
),

fit as (
    select
        scored.scored_at,
        scored.person_id,
        sum(fit_known.points) as fit_score
    from scored
    inner join fit_known
        on
            scored.person_id = fit_known.person_id
            and scored.scored_at > fit_known.known_at
    group by scored.scored_at, scored.person_id
)

select
    scored.scored_at,
    scored.person_id,
    round(coalesce(behaviour.behaviour_score, 0), 6) as behaviour_score,
    round(coalesce(fit.fit_score, 0), 6) as fit_score,
    round(round(coalesce(behaviour.behaviour_score, 0), 6) + round(coalesce(fit.fit_score, 0), 6), 6) as total_score,
    case_epochs.epoch as rejection_count
from scored
inner join case_epochs
    on
        scored.scored_at = case_epochs.scored_at
        and scored.person_id = case_epochs.person_id
left join behaviour
    on
        scored.scored_at = behaviour.scored_at
        and scored.person_id = behaviour.person_id
left join fit
    on
        scored.scored_at = fit.scored_at
        and scored.person_id = fit.person_id
