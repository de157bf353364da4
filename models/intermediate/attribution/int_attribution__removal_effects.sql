{#- Chance of a conversion with all channels, and with each one taken away: whoever would have come to it is lost. The states are taken
    out of the chain one after another, so the result is exact up to rounding, and needs no iteration to converge (decision 12). -#}
with

chain as (
    select * from {{ ref('int_attribution__chain') }}
),

channels as (
    select distinct
        target_type,
        from_state as channel
    from chain
    where from_state <> '(start)'
),

scenarios as (
    select
        target_type,
        channel as scenario
    from channels

    union all

    select distinct
        target_type,
        '(all)' as scenario
    from channels
),

chances as (
    select
        scenarios.target_type,
        scenarios.scenario,
        chain.from_state,
        chain.to_state,
        cast(chain.step_count as double)
        / cast(sum(chain.step_count) over (partition by scenarios.target_type, scenarios.scenario, chain.from_state) as double) as chance
    from scenarios
    inner join chain
        on scenarios.target_type = chain.target_type
),

-- every channel is taken out but the one that is removed: what still goes straight from start to conversion never met it
leaving_order as (
    select
        scenarios.target_type,
        scenarios.scenario,
        channels.channel as state,
        row_number() over (partition by scenarios.target_type, scenarios.scenario order by channels.channel) as elimination_step
    from scenarios
    inner join channels
        on
            scenarios.target_type = channels.target_type
            and scenarios.scenario <> channels.channel
),

left_over as (
    select * from {{ eliminated_states('chances', 'leaving_order') }}
),

last_steps as (
    select
        target_type,
        scenario,
        max(elimination_step) as step
    from leaving_order
    group by target_type, scenario
),

conversions as (
    select
        scenarios.target_type,
        scenarios.scenario,
        coalesce(max(left_over.chance), 0.0) as conversion_chance
    from scenarios
    left join last_steps
        on
            scenarios.target_type = last_steps.target_type
            and scenarios.scenario = last_steps.scenario
    left join left_over
        on
            scenarios.target_type = left_over.target_type
            and scenarios.scenario = left_over.scenario
            and coalesce(last_steps.step, 0) = left_over.step
            and left_over.from_state = '(start)'
            and left_over.to_state = '(conversion)'
    group by scenarios.target_type, scenarios.scenario
)

select
    without_it.target_type,
    without_it.scenario as channel,
    with_all.conversion_chance,
    without_it.conversion_chance as conversion_chance_without,
    coalesce(
        greatest(round(1 - without_it.conversion_chance / nullif(with_all.conversion_chance, 0), 12), 0.0), 0.0
    ) as removal_effect
from conversions as without_it
inner join conversions as with_all
    on
        without_it.target_type = with_all.target_type
        and with_all.scenario = '(all)'
where without_it.scenario <> '(all)'
