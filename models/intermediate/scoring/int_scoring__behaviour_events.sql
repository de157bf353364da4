with

interactions as (
    select * from {{ ref('int_engagement__interactions') }}
    where direction = 'inbound'
),

rules as (
    select * from {{ ref('behaviour_rules') }}
),

business_day as (
    select * from {{ ref('business_day') }}
),

matched as (
    select
        interactions.person_id,
        interactions.occurred_at,
        interactions.interaction_id,
        rules.rule_id,
        cast(rules.points as double) as rule_points,
        cast(rules.day_cap_points as double) as day_cap_points,
        cast(rules.half_life_days as double) as half_life_days,
        rules.is_qualifying,
        rules.why,
        {{ local_day('interactions.occurred_at', 'business_day.time_zone') }} as occurred_on
    from interactions
    cross join business_day
    inner join rules
        on
            interactions.interaction_type = rules.interaction_type
            and (rules.journey_stage is null or interactions.journey_stage = rules.journey_stage)
            and (rules.product_id is null or interactions.product_id = rules.product_id)
            and (rules.min_duration_seconds is null or interactions.duration_seconds >= rules.min_duration_seconds)
            and (rules.valid_from is null or interactions.occurred_at >= rules.valid_from)
            and (rules.valid_to is null or interactions.occurred_at < rules.valid_to)
),

with_day_total as (
    select
        *,
        coalesce(
            sum(rule_points) over (
                partition by person_id, rule_id, occurred_on
                order by occurred_at asc, interaction_id asc
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as points_before_today
    from matched
)

-- the day's cap is used up in the order in which things happened
select
    person_id,
    occurred_at,
    interaction_id,
    rule_id,
    half_life_days,
    is_qualifying,
    why,
    case
        when day_cap_points is null or rule_points <= 0 then rule_points
        else least(rule_points, greatest(0, day_cap_points - points_before_today))
    end as points
from with_day_total
