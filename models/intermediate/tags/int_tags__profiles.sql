{#- Who each person is and where it stands, before tags: what rules of tags ask, and what dim_person adds to. -#}
with

persons as (
    select * from {{ ref('int_identity__persons') }}
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

person_scores as (
    select * from {{ ref('fct_person_score') }}
),

current_stages as (
    select
        person_id,
        stage,
        entered_at,
        cycle_number,
        route
    from transitions
    where is_current
        and track = 'acquisition'
)

select
    persons.person_id,
    persons.account_id,
    persons.account_rule,
    persons.email,
    persons.phone,
    persons.full_name,
    persons.first_name,
    persons.last_name,
    persons.company,
    persons.job_title,
    persons.department,
    persons.company_size,
    persons.industry,
    persons.country,
    persons.region,
    persons.city,
    current_stages.stage,
    current_stages.route,
    person_scores.grade,
    current_stages.cycle_number,
    person_scores.score,
    person_scores.fit_score,
    person_scores.behaviour_score,
    person_scores.score_display,
    persons.is_anonymous,
    persons.is_test,
    persons.is_competitor,
    persons.is_cleaned_out,
    persons.has_corporate_email,
    persons.has_mobile,
    persons.first_seen_at,
    persons.befriended_at,
    persons.identified_at,
    current_stages.entered_at as stage_entered_at
from persons
left join current_stages
    on persons.person_id = current_stages.person_id
left join person_scores
    on persons.person_id = person_scores.person_id
