{#-
    Behaviour and fit score of persons at given moments, exact, in one pass over the events and without recursion.

    moments: name of a CTE or relation with (person_id, occurred_at), one row each.
    Gives a select of (person_id, occurred_at, behaviour_score, fit_score); both rounded to 1e-6.

    Idea: points decay as 2^(-age / half-life), so a running sum of points * 2^(t / half-life) can be taken to any later moment
    by one multiplication. Sums are kept per half-life, per block of time (against overflow) and per rejection epoch (so that
    a rejection factor, 0 included, applies to whole sums). A moment reads the newest sum of the current block and epoch, and
    the last sum of each block or epoch before it. What happens at the moment itself is in; a rejection at it is not yet.
-#}
{% macro scores_at(moments) -%}
    with

    asked as (
        select distinct
            person_id,
            occurred_at
        from {{ moments }}
    ),

    segments as (
        select * from {{ ref('int_scoring__behaviour_segments') }}
    ),

    rejections as (
        select * from {{ ref('int_scoring__rejections') }}
    ),

    epoch_factors as (
        select * from {{ ref('int_scoring__epoch_factors') }}
    ),

    fit_events as (
        select * from {{ ref('int_scoring__fit_events') }}
    ),

    person_half_lives as (
        select distinct
            person_id,
            half_life_days
        from segments
    ),

    behaviour_timeline as (
        select
            person_id,
            half_life_days,
            occurred_at,
            0 as is_moment
        from segments

        union all

        select
            asked.person_id,
            person_half_lives.half_life_days,
            asked.occurred_at,
            1 as is_moment
        from asked
        inner join person_half_lives
            on asked.person_id = person_half_lives.person_id
    ),

    numbered as (
        select
            person_id,
            half_life_days,
            occurred_at,
            is_moment,
            sum(1 - is_moment) over (
                partition by person_id, half_life_days
                order by occurred_at, is_moment
                rows between unbounded preceding and current row
            ) as event_number
        from behaviour_timeline
    ),

    moment_epochs as (
        select
            asked.person_id,
            asked.occurred_at,
            max(rejections.rejection_number) as epoch
        from asked
        inner join rejections
            on
                asked.person_id = rejections.person_id
                and rejections.occurred_at < asked.occurred_at
        group by
            asked.person_id,
            asked.occurred_at
    ),

    moment_states as (
        select
            numbered.person_id,
            numbered.half_life_days,
            numbered.occurred_at,
            numbered.event_number,
            coalesce(moment_epochs.epoch, 0) as moment_epoch
        from numbered
        left join moment_epochs
            on
                numbered.person_id = moment_epochs.person_id
                and numbered.occurred_at = moment_epochs.occurred_at
        where numbered.is_moment = 1 and numbered.event_number > 0
    ),

    -- the newest sum, and the last sum of every earlier block or epoch
    contributions as (
        select
            moment_states.person_id,
            moment_states.occurred_at,
            moment_states.moment_epoch,
            segments.epoch,
            segments.points_in_block
            * {{ exp2("case when segments.half_life_days = 0 then 0 else segments.block_number * " ~ half_lives_per_block() ~ " - " ~ days_between('segments.first_at', 'moment_states.occurred_at') ~ " / segments.half_life_days end") }}
                as points
        from moment_states
        inner join segments
            on
                moment_states.person_id = segments.person_id
                and moment_states.half_life_days = segments.half_life_days
                and moment_states.event_number = segments.event_number

        union all

        select
            moment_states.person_id,
            moment_states.occurred_at,
            moment_states.moment_epoch,
            segments.epoch,
            segments.points_in_block
            * {{ exp2("case when segments.half_life_days = 0 then 0 else segments.block_number * " ~ half_lives_per_block() ~ " - " ~ days_between('segments.first_at', 'moment_states.occurred_at') ~ " / segments.half_life_days end") }}
                as points
        from moment_states
        inner join segments
            on
                moment_states.person_id = segments.person_id
                and moment_states.half_life_days = segments.half_life_days
                and segments.event_number < moment_states.event_number
        where segments.is_last_in_block
    ),

    behaviour_scores as (
        select
            contributions.person_id,
            contributions.occurred_at,
            cast({{ exact_sum('contributions.points * coalesce(epoch_factors.factor, 1)') }} as double) as behaviour_score
        from contributions
        left join epoch_factors
            on
                contributions.person_id = epoch_factors.person_id
                and contributions.epoch = epoch_factors.from_epoch
                and contributions.moment_epoch = epoch_factors.to_epoch
        group by
            contributions.person_id,
            contributions.occurred_at
    ),

    fit_timeline as (
        select
            person_id,
            occurred_at,
            points,
            0 as is_moment
        from fit_events

        union all

        select
            person_id,
            occurred_at,
            0 as points,
            1 as is_moment
        from asked
    ),

    fit_scores as (
        select
            person_id,
            occurred_at,
            is_moment,
            sum(points) over (
                partition by person_id
                order by occurred_at, is_moment
                rows between unbounded preceding and current row
            ) as fit_score
        from fit_timeline
    )

    select
        asked.person_id,
        asked.occurred_at,
        round(coalesce(behaviour_scores.behaviour_score, 0), 6) as behaviour_score,
        round(coalesce(fit_scores.fit_score, 0), 6) as fit_score
    from asked
    left join behaviour_scores
        on
            asked.person_id = behaviour_scores.person_id
            and asked.occurred_at = behaviour_scores.occurred_at
    left join fit_scores
        on
            asked.person_id = fit_scores.person_id
            and asked.occurred_at = fit_scores.occurred_at
            and fit_scores.is_moment = 1
{%- endmacro %}
