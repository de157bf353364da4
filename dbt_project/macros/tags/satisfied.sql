{#- Who satisfies which rule: an alternative holds for a person when each of its conditions matches and none of the negated ones does.

    rule: name of the column that names the rule. Reads three CTEs of the caller: `conditions` (rule, alternative, condition_number,
    is_negated), `matches` (person_id, rule, alternative, condition_number; a row for each condition that matches, negated or not)
    and `persons` (person_id), of whom an alternative of negated conditions alone is asked. Gives person_id, rule, alternative. -#}
{% macro satisfied(rule) -%}
    with

    alternatives as (
        select
            {{ rule }},
            alternative,
            count(*) filter (where not is_negated) as wanted_count
        from conditions
        group by {{ rule }}, alternative
    ),

    counted as (
        select
            matches.person_id,
            matches.{{ rule }},
            matches.alternative,
            count(distinct conditions.condition_number) filter (where not conditions.is_negated) as found_count,
            count(*) filter (where conditions.is_negated) as unwanted_count
        from matches
        inner join conditions
            on matches.{{ rule }} = conditions.{{ rule }}
                and matches.alternative = conditions.alternative
                and matches.condition_number = conditions.condition_number
        group by matches.person_id, matches.{{ rule }}, matches.alternative
    )

    select
        counted.person_id,
        counted.{{ rule }},
        counted.alternative
    from counted
    inner join alternatives
        on counted.{{ rule }} = alternatives.{{ rule }}
            and counted.alternative = alternatives.alternative
    where
        alternatives.wanted_count > 0
        and counted.found_count = alternatives.wanted_count
        and counted.unwanted_count = 0

    union all

    select
        persons.person_id,
        alternatives.{{ rule }},
        alternatives.alternative
    from alternatives
    cross join persons
    left join counted
        on persons.person_id = counted.person_id
            and alternatives.{{ rule }} = counted.{{ rule }}
            and alternatives.alternative = counted.alternative
    where
        alternatives.wanted_count = 0
        and coalesce(counted.unwanted_count, 0) = 0
{%- endmacro %}
