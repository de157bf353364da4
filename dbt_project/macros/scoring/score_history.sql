{#-
    The score of chosen persons at the end of each day, on demand: nothing of it is kept, and asking costs no night anything.

    persons: list of person ids. Whoever has none of the day's facts has 0.
    from_day, to_day: ISO dates, both included (UTC). Days after the night's moment are left out; its own day is scored at that moment.
    Gives a select of (person_id, day, scored_at, behaviour_score, fit_score, total_score), ordered by person and day.

    It says what the rules say today of what is known today: a fact that arrived late counts from when it happened.
-#}
{% macro score_history(persons, from_day, to_day) -%}
    {%- if not persons %}{{ exceptions.raise_compiler_error("score_history: name at least one person") }}{% endif -%}
    {%- set first = modules.datetime.date.fromisoformat(from_day | string) -%}
    {%- set last = modules.datetime.date.fromisoformat(to_day | string) -%}
    {%- if last < first %}{{ exceptions.raise_compiler_error("score_history: to_day " ~ last ~ " is before from_day " ~ first) }}{% endif -%}
    with

    asked_persons as (
        {%- for person in persons %}
            select '{{ person | replace("'", "''") }}' as person_id
            {%- if not loop.last %}
                union
            {%- endif %}
        {%- endfor %}
    ),

    asked_days as (
        select {{ add_days("cast('" ~ first ~ "' as timestamp)", "(positions.position - 1)") }} as day_start
        from {{ integers_to((last - first).days + 1) }} as positions
    ),

    asked_moments as (
        select
            asked_persons.person_id,
            asked_days.day_start,
            least(
                {{ add_days('asked_days.day_start', 1) }} - interval '1' microsecond,
                {{ as_of() }}
            ) as occurred_at
        from asked_persons
        cross join asked_days
        where asked_days.day_start <= {{ as_of() }}
    ),

    history as (
        {{ scores_at('asked_moments') | indent(8) }}
    )

    select
        asked_moments.person_id,
        cast(asked_moments.day_start as date) as day,
        asked_moments.occurred_at as scored_at,
        history.behaviour_score,
        history.fit_score,
        round(history.behaviour_score + history.fit_score, 6) as total_score
    from asked_moments
    inner join history
        on
            asked_moments.person_id = history.person_id
            and asked_moments.occurred_at = history.occurred_at
    order by asked_moments.person_id asc, asked_moments.day_start asc
{%- endmacro %}
