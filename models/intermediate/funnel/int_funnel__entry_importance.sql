with

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

entry_scores as (
    select * from {{ ref('int_lifecycle__entry_scores') }}
),

grades as (
    select * from {{ ref('grades') }}
    where grade_part = 'fit'
),

important_segments as (
    select * from {{ ref('important_segments') }}
),

target_lists as (
    select * from {{ ref('stg_crm__target_lists') }}
),

crm_accounts as (
    select * from {{ ref('int_identity__crm_accounts') }}
),

-- a total order on grades, so that the next one ends each
grade_bounds as (
    select
        grade,
        min_points,
        lead(min_points) over (order by min_points) as next_min_points
    from grades
),

important_by_grade as (
    select distinct transitions.transition_id
    from transitions
    inner join entry_scores
        on
            transitions.person_id = entry_scores.person_id
            and transitions.entered_at = entry_scores.occurred_at
    inner join grade_bounds
        on
            entry_scores.fit_score >= grade_bounds.min_points
            and (grade_bounds.next_min_points is null or entry_scores.fit_score < grade_bounds.next_min_points)
    inner join important_segments
        on
            important_segments.kind = 'fit_grade'
            and important_segments.value in (grade_bounds.grade, '*')
),

important_by_list as (
    select distinct transitions.transition_id
    from target_lists
    inner join important_segments
        on
            important_segments.kind = 'target_list'
            and important_segments.value in (target_lists.list_name, '*')
    inner join crm_accounts
        on
            target_lists.source_system = crm_accounts.source_system
            and target_lists.account_id = crm_accounts.crm_account_id
    inner join transitions
        on
            crm_accounts.account_id = transitions.account_id
            and (target_lists.valid_from is null or target_lists.valid_from <= transitions.entered_at)
            and (target_lists.valid_to is null or target_lists.valid_to > transitions.entered_at)
),

important as (
    select transition_id from important_by_grade
    union
    select transition_id from important_by_list
)

select
    transitions.transition_id,
    case when important.transition_id is null then 'other' else 'important' end as importance
from transitions
left join important
    on transitions.transition_id = important.transition_id
