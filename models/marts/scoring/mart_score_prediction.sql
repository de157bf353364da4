with

features as (
    select * from {{ ref('int_scoring__prediction_features') }}
    where scored_at = {{ as_of() }}
),

model as (
    select * from {{ ref('score_model') }}
),

feature_words as (
    select * from {{ ref('prediction_features') }}
),

scores as (
    select * from {{ ref('fct_person_score') }}
),

model_constants as (
    select
        outcome,
        max(model_version) as model_version,
        max(trained_until) as trained_until,
        max(case when term = 'intercept' then weight end) as intercept,
        max(case when term = 'calibration_slope' then weight end) as calibration_slope,
        max(case when term = 'calibration_intercept' then weight end) as calibration_intercept
    from model
    group by outcome
),

contributions as (
    select
        model.outcome,
        features.person_id,
        features.feature,
        feature_words.label_en,
        model.weight * (features.value - model.mean) / model.scale as log_odds,
        row_number() over (
            partition by model.outcome, features.person_id
            order by model.weight * (features.value - model.mean) / model.scale desc, features.feature asc
        ) as reason_number
    from features
    inner join model
        on features.feature = model.term
    inner join feature_words
        on features.feature = feature_words.feature
),

summed as (
    select
        outcome,
        person_id,
        cast({{ exact_sum('log_odds') }} as double) as log_odds,
        max(case when reason_number = 1 and log_odds > 0 then label_en end) as first_reason,
        max(case when reason_number = 2 and log_odds > 0 then label_en end) as second_reason,
        max(case when reason_number = 3 and log_odds > 0 then label_en end) as third_reason
    from contributions
    group by outcome, person_id
),

predicted as (
    select
        summed.*,
        model_constants.model_version,
        model_constants.trained_until,
        round(1.0 / (1.0 + exp(-(
            model_constants.calibration_intercept
            + model_constants.calibration_slope * (model_constants.intercept + summed.log_odds)
        ))), 9) as probability
    from summed
    inner join model_constants
        on summed.outcome = model_constants.outcome
)

select
    predicted.person_id,
    predicted.outcome,
    predicted.probability,
    cast(floor(
        10.0 * (rank() over (partition by predicted.outcome order by predicted.probability desc) - 1)
        / count(*) over (partition by predicted.outcome)
    ) as integer) + 1 as probability_decile,
    scores.score_display as score,
    scores.grade,
    predicted.first_reason,
    predicted.second_reason,
    predicted.third_reason,
    predicted.model_version,
    predicted.trained_until
from predicted
left join scores
    on predicted.person_id = scores.person_id
