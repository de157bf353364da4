with

next_steps as (
    select * from {{ ref('int_nurture__next_steps') }}
),

rests as (
    select * from {{ ref('int_nurture__rests') }}
),

contact_channels as (
    select * from {{ ref('contact_channels') }}
),

contact_purposes as (
    select * from {{ ref('contact_purposes') }}
    where is_form_default
),

contactability as (
    select contactability.*
    from {{ ref('mart_contactability') }} as contactability
    inner join contact_purposes
        on contactability.purpose = contact_purposes.purpose
),

persons as (
    select * from {{ ref('dim_person') }}
),

general_rests as (
    select
        person_id,
        rested_at
    from rests
    where channel = '*'
),

-- the step's own order of channels decides between two that are free at the same time
offers as (
    select
        next_steps.person_id,
        next_steps.programme,
        contact_channels.channel,
        {{ position_in('contact_channels.channel', 'next_steps.channels') }} as position,
        coalesce(contactability.is_contactable, false) as is_contactable,
        contactability.reason,
        greatest(
            next_steps.planned_at,
            coalesce(rests.rested_at, next_steps.planned_at),
            coalesce(general_rests.rested_at, next_steps.planned_at)
        ) as due_at
    from next_steps
    inner join contact_channels
        on '|' || next_steps.channels || '|' like '%|' || contact_channels.channel || '|%'
    left join contactability
        on
            next_steps.person_id = contactability.person_id
            and contact_channels.channel = contactability.channel
    left join rests
        on
            next_steps.person_id = rests.person_id
            and contact_channels.channel = rests.channel
    left join general_rests
        on next_steps.person_id = general_rests.person_id
),

best_offers as (
    select *
    from offers
    where is_contactable
    qualify row_number() over (partition by person_id, programme order by due_at asc, position asc) = 1
),

refusals as (
    select
        person_id,
        programme,
        {{ text_agg("channel || ': ' || coalesce(reason, 'no_address')", ', ', 'position') }} as refusal
    from offers
    where not is_contactable
    group by person_id, programme
),

decided as (
    select
        next_steps.*,
        persons.account_id,
        persons.stage,
        best_offers.channel,
        best_offers.due_at,
        case
            when best_offers.channel is null then 'blocked'
            when best_offers.due_at <= {{ as_of() }} then 'due'
            when best_offers.due_at > next_steps.planned_at then 'resting'
            else 'planned'
        end as state,
        refusals.refusal
    from next_steps
    inner join persons
        on next_steps.person_id = persons.person_id
    left join best_offers
        on
            next_steps.person_id = best_offers.person_id
            and next_steps.programme = best_offers.programme
    left join refusals
        on
            next_steps.person_id = refusals.person_id
            and next_steps.programme = refusals.programme
)

select
    person_id,
    programme,
    account_id,
    stage,
    persona,
    product_id,
    enrolled_by,
    enrolled_at,
    sent_count,
    last_sent_at,
    step,
    label_en,
    label_zh,
    journey_stage,
    channel,
    planned_at,
    due_at,
    state,
    refusal,
    state <> 'blocked' and row_number() over (
        partition by person_id
        order by
            case when state = 'blocked' then 1 else 0 end,
            greatest(due_at, {{ as_of() }}) nulls last,
            priority,
            programme
    ) = 1 as is_next_touch
from decided
