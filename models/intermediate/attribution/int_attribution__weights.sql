with

paths as (
    select * from {{ ref('int_attribution__paths') }}
),

models as (
    select * from {{ ref('attribution_models') }}
),

anchors as (
    select * from {{ ref('int_attribution__anchors') }}
),

removal_effects as (
    select * from {{ ref('int_attribution__removal_effects') }}
),

raw_weights as (
    select
        paths.target_id,
        models.model,
        paths.channel,
        paths.campaign_id,
        case models.kind
            when 'decay' then {{ exp2('-paths.days_before_end / models.half_life_days') }}
            when 'removal' then coalesce(removal_effects.removal_effect, 0.0)
            else
                coalesce(cast(anchors.anchor_weight as double), 0.0)
                + case
                    when anchors.position is null
                        then
                            models.rest_weight
                            / (paths.touch_count - count(anchors.position) over (partition by paths.target_id, models.model))
                    else 0.0
                end
        end as weight
    from paths
    cross join models
    left join anchors
        on
            paths.target_id = anchors.target_id
            and models.model = anchors.model
            and paths.position = anchors.position
    left join removal_effects
        on
            paths.target_type = removal_effects.target_type
            and paths.channel = removal_effects.channel
),

cells as (
    select
        target_id,
        model,
        channel,
        campaign_id,
        count(*) as touch_count,
        {{ exact_sum('weight') }} as weight
    from raw_weights
    group by target_id, model, channel, campaign_id
),

-- touches none of which has a weight share alike
totals as (
    select
        *,
        sum(weight) over (partition by target_id, model) as total_weight,
        sum(touch_count) over (partition by target_id, model) as total_touches
    from cells
)

select
    target_id,
    model,
    channel,
    campaign_id,
    touch_count,
    case
        when total_weight > 0 then cast(weight as double) / cast(total_weight as double)
        else cast(touch_count as double) / cast(total_touches as double)
    end as share
from totals
