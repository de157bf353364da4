{#-
    What the trained model looks at: facts that were known at the moment of the score, nothing later. One row per feature, so that a model may
    use any of them. Empty unless the switch score_prediction is on.
-#}
with

cases as (
    select * from {{ ref('int_scoring__backtest_cases') }}
    where {{ var('score_prediction') }}
),

scores as (
    select * from {{ ref('int_scoring__backtest_scores') }}
),

known_touches as (
    select * from {{ ref('int_scoring__known_touches') }}
    where is_engagement
),

features as (
    select * from {{ ref('prediction_features') }}
),

recent as (
    select within_days from features
    where feature = 'recent_touches'
),

scored as (
    select distinct
        scored_at,
        scored_month,
        person_id,
        stage_rank,
        cycle_number,
        stage_entered_at
    from cases
),

touched as (
    select
        scored.scored_at,
        scored.person_id,
        count(*) as touches,
        count(case
            when {{ days_between('known_touches.occurred_at', 'scored.scored_at') }} <= recent.within_days then 1
        end) as recent_touches,
        max(known_touches.occurred_at) as last_touched_at
    from scored
    cross join recent
    inner join known_touches
        on
            scored.person_id = known_touches.person_id
            and scored.scored_at > known_touches.known_at
    group by scored.scored_at, scored.person_id
),

-- counts and days on a log scale: the step from one to two says more than that from 50 to 51
described as (
    select
        scored.scored_at,
        scored.person_id,
        scores.fit_score,
        scores.behaviour_score,
        ln(1.0 + coalesce(touched.touches, 0)) as touches,
        ln(1.0 + coalesce(touched.recent_touches, 0)) as recent_touches,
        ln(1.0 + greatest(0, {{ days_between('coalesce(touched.last_touched_at, scored.stage_entered_at)', 'scored.scored_at') }}))
            as days_since_touch,
        cast(scored.stage_rank as double) as stage_rank,
        ln(1.0 + {{ days_between('scored.stage_entered_at', 'scored.scored_at') }}) as days_in_stage,
        cast(scored.cycle_number as double) as cycle_number,
        cast(scores.rejection_count as double) as rejections
    from scored
    inner join scores
        on
            scored.scored_at = scores.scored_at
            and scored.person_id = scores.person_id
    left join touched
        on
            scored.scored_at = touched.scored_at
            and scored.person_id = touched.person_id
)

{% for feature in [
    'fit_score', 'behaviour_score', 'touches', 'recent_touches', 'days_since_touch', 'stage_rank', 'days_in_stage', 'cycle_number',
    'rejections',
] %}
    select
        scored_at,
        person_id,
        '{{ feature }}' as feature,
        round({{ feature }}, 9) as value
    from described
    {%- if not loop.last %}
        union all
    {%- endif %}
{% endfor %}
