with

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

interactions as (
    select * from {{ ref('fct_interaction') }}
),

sales_types as (
    select interaction_type from {{ ref('touch_types') }}
),

cycle_steps as (
    select * from {{ ref('int_finance__cycle_steps') }}
),

as_of_moment as (
    select {{ as_of() }} as looked_at
),

cycles as (
    select
        person_id,
        track,
        cycle_number,
        min(entered_at) as started_at,
        min(channel) as channel
    from transitions
    group by person_id, track, cycle_number
),

bounded as (
    select
        cycles.*,
        lead(cycles.started_at) over (
            partition by cycles.person_id, cycles.track order by cycles.cycle_number
        ) as next_started_at
    from cycles
),

reached as (
    select
        person_id,
        track,
        cycle_number,
        min(cohort_started_at) as cohort_started_at,
        min(case step when 'customer' then reached_at end) as won_at
    from cycle_steps
    group by person_id, track, cycle_number
),

-- the first cycle begins with the first thing seen of the person, a later one with its first ledger row
windows as (
    select
        bounded.person_id,
        bounded.track,
        bounded.cycle_number,
        bounded.channel,
        reached.won_at,
        case
            when bounded.track = 'acquisition' and bounded.cycle_number = 1 then timestamp '0001-01-01'
            else bounded.started_at
        end as window_starts_at,
        coalesce(reached.won_at, bounded.next_started_at, as_of_moment.looked_at) as window_ends_at
    from bounded
    cross join as_of_moment
    inner join reached
        on
            bounded.person_id = reached.person_id
            and bounded.track = reached.track
            and bounded.cycle_number = reached.cycle_number
),

-- our own sales people's touch, or a meeting with them
contacts as (
    select
        interactions.person_id,
        interactions.occurred_at
    from interactions
    inner join sales_types
        on interactions.interaction_type = sales_types.interaction_type
),

first_contacts as (
    select
        windows.person_id,
        windows.track,
        windows.cycle_number,
        min(contacts.occurred_at) as first_sales_contact_at
    from windows
    inner join contacts
        on
            windows.person_id = contacts.person_id
            and windows.window_starts_at <= contacts.occurred_at
            and windows.window_ends_at >= contacts.occurred_at
    group by windows.person_id, windows.track, windows.cycle_number
),

engagements as (
    select
        person_id,
        occurred_at
    from interactions
    where is_engagement
),

touched as (
    select
        windows.person_id,
        windows.track,
        windows.cycle_number,
        min(engagements.occurred_at) as first_touch_at,
        count(*) as touch_count,
        count(case
            when
                first_contacts.first_sales_contact_at is null
                or engagements.occurred_at < first_contacts.first_sales_contact_at
                then 1
        end) as touches_before_sales
    from windows
    inner join engagements
        on
            windows.person_id = engagements.person_id
            and windows.window_starts_at <= engagements.occurred_at
            and windows.window_ends_at >= engagements.occurred_at
    left join first_contacts
        on
            windows.person_id = first_contacts.person_id
            and windows.track = first_contacts.track
            and windows.cycle_number = first_contacts.cycle_number
    group by windows.person_id, windows.track, windows.cycle_number
),

-- a journey that sales began has no part before sales
begun as (
    select
        windows.*,
        touched.first_touch_at,
        coalesce(touched.touch_count, 0) as touch_count,
        coalesce(touched.touches_before_sales, 0) as touches_before_sales,
        first_contacts.first_sales_contact_at,
        least(touched.first_touch_at, first_contacts.first_sales_contact_at) as journey_started_at
    from windows
    left join touched
        on
            windows.person_id = touched.person_id
            and windows.track = touched.track
            and windows.cycle_number = touched.cycle_number
    left join first_contacts
        on
            windows.person_id = first_contacts.person_id
            and windows.track = first_contacts.track
            and windows.cycle_number = first_contacts.cycle_number
),

measured as (
    select
        *,
        {{ days_between('journey_started_at', 'first_sales_contact_at') }} as days_to_sales,
        {{ days_between('journey_started_at', 'won_at') }} as days_to_won
    from begun
)

select
    person_id,
    track,
    cast(cycle_number as integer) as cycle_number,
    channel,
    touch_count,
    touches_before_sales,
    cast(touches_before_sales as double) / nullif(touch_count, 0) as share_of_touches_before_sales,
    days_to_sales,
    days_to_won,
    case
        when days_to_sales is not null and days_to_won > 0 then least(days_to_sales / days_to_won, 1.0)
    end as share_of_days_before_sales,
    won_at is not null as is_won,
    first_sales_contact_at is not null as has_sales_contact,
    first_touch_at,
    first_sales_contact_at,
    won_at
from measured
