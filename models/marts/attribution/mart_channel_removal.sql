with

removal_effects as (
    select * from {{ ref('int_attribution__removal_effects') }}
),

paths as (
    select * from {{ ref('int_attribution__paths') }}
),

reach as (
    select
        target_type,
        channel,
        count(distinct target_id) as target_count
    from paths
    group by target_type, channel
),

totals as (
    select
        target_type,
        {{ exact_sum('removal_effect') }} as total_effect
    from removal_effects
    group by target_type
)

select
    removal_effects.target_type,
    removal_effects.channel,
    removal_effects.conversion_chance,
    removal_effects.conversion_chance_without,
    removal_effects.removal_effect,
    removal_effects.removal_effect / nullif(cast(totals.total_effect as double), 0) as share_of_effects,
    coalesce(reach.target_count, 0) as target_count
from removal_effects
inner join totals
    on removal_effects.target_type = totals.target_type
left join reach
    on
        removal_effects.target_type = reach.target_type
        and removal_effects.channel = reach.channel
