with

persons as (
    select * from {{ ref('int_identity__persons') }}
),

points_now as (
    select * from {{ ref('int_scoring__points_now') }}
),

grades as (
    select * from {{ ref('grades') }}
),

blockers as (
    select * from {{ ref('int_scoring__mql_blockers') }}
),

summed as (
    select
        person_id,
        sum(case when score_kind = 'fit' then points_now else 0 end) as fit_score,
        sum(case when score_kind = 'behaviour' then points_now else 0 end) as behaviour_score,
        {{ map_of("score_kind || ':' || rule_id", 'cast(points_now as double)') }} as points_now_by_rule
    from points_now
    group by person_id
),

scored as (
    select
        persons.person_id,
        persons.is_anonymous,
        cast(coalesce(summed.fit_score, 0) as double) as fit_score,
        cast(coalesce(summed.behaviour_score, 0) as double) as behaviour_score,
        cast(coalesce(summed.fit_score, 0) + coalesce(summed.behaviour_score, 0) as double) as score,
        summed.points_now_by_rule
    from persons
    left join summed
        on persons.person_id = summed.person_id
),

fit_grades as (
    select
        scored.person_id,
        max_by(grades.grade, grades.min_points) as grade
    from scored
    inner join grades
        on
            grades.grade_part = 'fit'
            and round(scored.fit_score, 6) >= grades.min_points
    group by scored.person_id
),

behaviour_grades as (
    select
        scored.person_id,
        max_by(grades.grade, grades.min_points) as grade
    from scored
    inner join grades
        on
            grades.grade_part = 'behaviour'
            and round(scored.behaviour_score, 6) >= grades.min_points
    group by scored.person_id
)

select
    scored.person_id,
    scored.score,
    scored.fit_score,
    scored.behaviour_score,
    greatest(0, scored.score) as score_display,
    fit_grades.grade || behaviour_grades.grade as grade,
    scored.points_now_by_rule,
    blockers.mql_blockers,
    {{ as_of() }} as as_of
from scored
left join fit_grades
    on scored.person_id = fit_grades.person_id
left join behaviour_grades
    on scored.person_id = behaviour_grades.person_id
left join blockers
    on scored.person_id = blockers.person_id
