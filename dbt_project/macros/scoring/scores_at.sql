{#-
    Behaviour and fit score of persons at given moments, exact, in one pass over the events and without recursion.

    moments: name of a CTE or relation with (person_id, occurred_at), one row each.
    Gives a select of (person_id, occurred_at, behaviour_score, fit_score); both rounded to 1e-6.

    Idea: points decay as 2^(-age / half-life), so a running sum of points * 2^(t / half-life) can be taken to any later moment
    by one multiplication. Sums are kept per half-life, per block of time (against overflow) and per rejection epoch (so that
    a rejection factor, 0 included, applies to whole sums). A moment reads the newest sum of the current block and epoch, and
    the last sum of each block or epoch before it (almost nobody has one). What happens at the moment itself is in; a rejection at it is not yet.
-#}
{% macro scores_at(moments) -%}
    with

    asked as (
        select
            person_id,
            occurred_at
        from {{ moments }}
    ),

    segments as (
        select * from {{ ref('int_scoring__behaviour_segments') }}
        where person_id in (select asked.person_id from asked)
    ),

    rejections as (
        select * from {{ ref('int_scoring__rejections') }}
    ),

    epoch_factors as (
        select * from {{ ref('int_scoring__epoch_factors') }}
    ),

    fit_events as (
        select * from {{ ref('int_scoring__fit_events') }}
        where person_id in (select asked.person_id from asked)
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
            0 as is_moment,
            event_number,
            epoch,
            block_number,
            first_at,
            points_in_block
        from segments

        union all

        select
            asked.person_id,
            person_half_lives.half_life_days,
            asked.occurred_at,
            1 as is_moment,
            cast(null as bigint) as event_number,
            cast(null as bigint) as epoch,
            cast(null as bigint) as block_number,
            cast(null as timestamp) as first_at,
            cast(null as double) as points_in_block
        from asked
        inner join person_half_lives
            on asked.person_id = person_half_lives.person_id
    ),

    -- a moment reads what the newest sum before it says
    read as (
        select
            person_id,
            half_life_days,
            occurred_at,
            is_moment,
            last_value(event_number ignore nulls) over so_far as event_number,
            last_value(epoch ignore nulls) over so_far as epoch,
            last_value(block_number ignore nulls) over so_far as block_number,
            last_value(first_at ignore nulls) over so_far as first_at,
            last_value(points_in_block ignore nulls) over so_far as points_in_block
        from behaviour_timeline
        window so_far as (
            partition by person_id, half_life_days order by occurred_at, is_moment
            rows between unbounded preceding and current row
        )
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
        select *
        from read
        where is_moment = 1 and event_number > 0
    ),

    -- the last sum of every block or epoch that another one followed: few have any
    closed_segments as (
        select *
        from segments
        where is_last_in_block and not is_last
    ),

    -- the newest sum, and the last sum of every earlier block or epoch
    sums as (
        select
            person_id,
            occurred_at,
            half_life_days,
            epoch,
            block_number,
            first_at,
            points_in_block
        from moment_states

        union all

        select
            moment_states.person_id,
            moment_states.occurred_at,
            moment_states.half_life_days,
            closed_segments.epoch,
            closed_segments.block_number,
            closed_segments.first_at,
            closed_segments.points_in_block
        from moment_states
        inner join closed_segments
            on
                moment_states.person_id = closed_segments.person_id
                and moment_states.half_life_days = closed_segments.half_life_days
                and moment_states.event_number > closed_segments.event_number
    ),

    contributions as (
        select
            person_id,
            occurred_at,
            epoch,
            points_in_block
            * {{ exp2("case when half_life_days = 0 then 0 else block_number * " ~ half_lives_per_block() ~ " - " ~ days_between('first_at', 'occurred_at') ~ " / half_life_days end") }}
                as points
        from sums
    ),

    behaviour_scores as (
        select
            contributions.person_id,
            contributions.occurred_at,
            cast({{ exact_sum('contributions.points * coalesce(epoch_factors.factor, 1)') }} as double) as behaviour_score
        from contributions
        left join moment_epochs
            on
                contributions.person_id = moment_epochs.person_id
                and contributions.occurred_at = moment_epochs.occurred_at
        left join epoch_factors
            on
                contributions.person_id = epoch_factors.person_id
                and contributions.epoch = epoch_factors.from_epoch
                and moment_epochs.epoch = epoch_factors.to_epoch
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
        fit_scores.person_id,
        fit_scores.occurred_at,
        round(coalesce(behaviour_scores.behaviour_score, 0), 6) as behaviour_score,
        round(coalesce(fit_scores.fit_score, 0), 6) as fit_score
    from fit_scores
    left join behaviour_scores
        on
            fit_scores.person_id = behaviour_scores.person_id
            and fit_scores.occurred_at = behaviour_scores.occurred_at
    where fit_scores.is_moment = 1
{%- endmacro %}
