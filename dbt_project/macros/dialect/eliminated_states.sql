{#- A table expression: chances of a Markov chain after its inner states were taken out one after another, once for each scenario.
    `chances` is a CTE (target_type, scenario, from_state, to_state, chance), `order_of_states` one (target_type, scenario, state,
    elimination_step) with steps from 1 on without gaps. Taking a state out sends whoever would have come to it straight to where
    it leads: p(i, j) + p(i, k) * p(k, j) / (1 - p(k, k)) (Kemeny and Snell 1960; Grassmann, Taksar and Heyman 1985).
    A cell is the sum of two numbers at most, so no order of rows and no number of threads can change it. -#}
{% macro eliminated_states(chances, order_of_states) -%}
    {{ adapter.dispatch('eliminated_states', 'leadrelay')(chances, order_of_states) }}
{%- endmacro %}

{% macro default__eliminated_states(chances, order_of_states) -%}
    (
        with recursive step_by_step as (
            select
                0 as step,
                target_type,
                scenario,
                from_state,
                to_state,
                chance
            from {{ chances }}

            union all

            select
                step,
                target_type,
                scenario,
                from_state,
                to_state,
                sum(chance) as chance
            from (
                select
                    kept.step + 1 as step,
                    kept.target_type,
                    kept.scenario,
                    kept.from_state,
                    kept.to_state,
                    kept.chance
                from step_by_step as kept
                inner join {{ order_of_states }} as leaving
                    on
                        kept.target_type = leaving.target_type
                        and kept.scenario = leaving.scenario
                        and kept.step + 1 = leaving.elimination_step
                where kept.from_state <> leaving.state and kept.to_state <> leaving.state

                union all

                select
                    came.step + 1 as step,
                    came.target_type,
                    came.scenario,
                    came.from_state,
                    went.to_state,
                    came.chance * went.chance / (1 - coalesce(stayed.chance, 0)) as chance
                from step_by_step as came
                inner join {{ order_of_states }} as leaving
                    on
                        came.target_type = leaving.target_type
                        and came.scenario = leaving.scenario
                        and came.step + 1 = leaving.elimination_step
                inner join step_by_step as went
                    on
                        came.target_type = went.target_type
                        and came.scenario = went.scenario
                        and leaving.state = went.from_state
                left join step_by_step as stayed
                    on
                        came.target_type = stayed.target_type
                        and came.scenario = stayed.scenario
                        and leaving.state = stayed.from_state
                        and leaving.state = stayed.to_state
                where
                    came.to_state = leaving.state
                    and came.from_state <> leaving.state
                    and went.to_state <> leaving.state
            ) as both_ways
            group by step, target_type, scenario, from_state, to_state
        )

        select
            target_type,
            scenario,
            step,
            from_state,
            to_state,
            chance
        from step_by_step
    )
{%- endmacro %}
