{#- The next step of each enrolment: the first after the last one that was sent, as long after it as the plan wants. -#}
with

enrolments as (
    select * from {{ ref('int_nurture__enrolments') }}
),

programme_steps as (
    select * from {{ ref('programme_steps') }}
),

sends as (
    select * from {{ ref('int_nurture__sends') }}
),

-- a step that was sent shortly before the person came in again is not sent again
last_sends as (
    select
        enrolments.person_id,
        enrolments.programme,
        max(sends.step) as step,
        count(*) as sent_count,
        max(sends.sent_at) as sent_at
    from enrolments
    inner join sends
        on
            enrolments.person_id = sends.person_id
            and enrolments.programme = sends.programme
            and enrolments.counted_from <= sends.sent_at
    group by enrolments.person_id, enrolments.programme
),

-- the plan of a persona, or of everybody
plans as (
    select
        enrolments.person_id,
        enrolments.programme,
        programme_steps.persona,
        programme_steps.step,
        programme_steps.day,
        programme_steps.channels,
        programme_steps.journey_stage,
        programme_steps.label_en,
        programme_steps.label_zh
    from enrolments
    inner join programme_steps
        on
            enrolments.programme = programme_steps.programme
            and programme_steps.persona in (enrolments.persona, '*')
),

next_steps as (
    select plans.*
    from plans
    left join last_sends
        on
            plans.person_id = last_sends.person_id
            and plans.programme = last_sends.programme
    where plans.step > coalesce(last_sends.step, 0)
    qualify row_number() over (partition by plans.person_id, plans.programme order by plans.step) = 1
),

last_days as (
    select
        plans.person_id,
        plans.programme,
        max(plans.day) as day
    from plans
    inner join last_sends
        on
            plans.person_id = last_sends.person_id
            and plans.programme = last_sends.programme
            and plans.step <= last_sends.step
    group by plans.person_id, plans.programme
)

select
    enrolments.person_id,
    enrolments.programme,
    enrolments.priority,
    enrolments.persona,
    enrolments.product_id,
    enrolments.enrolled_by,
    enrolments.enrolled_at,
    coalesce(last_sends.sent_count, 0) as sent_count,
    last_sends.step as last_step,
    last_sends.sent_at as last_sent_at,
    next_steps.step,
    next_steps.channels,
    next_steps.journey_stage,
    next_steps.label_en,
    next_steps.label_zh,
    greatest(
        {{ add_days('enrolments.enrolled_at', 'next_steps.day') }},
        coalesce(
            {{ add_days('last_sends.sent_at', '(next_steps.day - last_days.day)') }},
            {{ add_days('enrolments.enrolled_at', 'next_steps.day') }}
        )
    ) as planned_at
from enrolments
inner join next_steps
    on
        enrolments.person_id = next_steps.person_id
        and enrolments.programme = next_steps.programme
left join last_sends
    on
        enrolments.person_id = last_sends.person_id
        and enrolments.programme = last_sends.programme
left join last_days
    on
        enrolments.person_id = last_days.person_id
        and enrolments.programme = last_days.programme
