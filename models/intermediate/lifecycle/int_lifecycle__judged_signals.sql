with

signals as (
    select * from {{ ref('int_lifecycle__signals') }}
),

customer_periods as (
    select * from {{ ref('int_lifecycle__customer_periods') }}
),

disqualified_periods as (
    select * from {{ ref('int_lifecycle__disqualified_periods') }}
),

during_customer as (
    select
        signals.person_id,
        signals.occurred_at,
        signals.signal_phase,
        bool_or(true) as is_customer
    from signals
    inner join customer_periods
        on
            signals.person_id = customer_periods.person_id
            and (
                signals.occurred_at > customer_periods.began_at
                -- at the instant of the purchase itself, what comes after it
                or (signals.occurred_at = customer_periods.began_at and signals.kind not in ('new_cycle', 'advance'))
            )
            and (customer_periods.ended_at is null or signals.occurred_at < customer_periods.ended_at)
    group by
        signals.person_id,
        signals.occurred_at,
        signals.signal_phase
),

while_disqualified as (
    select distinct
        signals.person_id,
        signals.occurred_at
    from signals
    inner join disqualified_periods
        on
            signals.person_id = disqualified_periods.person_id
            and signals.occurred_at > disqualified_periods.began_at
            and (disqualified_periods.ended_at is null or signals.occurred_at < disqualified_periods.ended_at)
),

-- a customer never travels to a new account, disqualified or not
customer_ends as (
    select distinct
        person_id,
        ended_at,
        ended_by_signal
    from customer_periods
    where ended_at is not null
),

ended_disqualifications as (
    select distinct
        person_id,
        ended_at
    from disqualified_periods
    where ended_at is not null and not is_taken_back_same_day
)

-- what becomes of a signal before the fold: acts on the ladder, on the expansion of a customer, or is kept aside with the reason
select
    signals.*,
    case
        when signals.kind = 'status_begin' then 'status'
        when
            signals.signal = 'lapsed' and (during_customer.is_customer or while_disqualified.person_id is not null)
            then 'kept_from_lapsing'
        when signals.is_of_former_employer then 'of_former_employer'
        when signals.is_held_by_open_opportunity then 'held_by_open_opportunity'
        when
            while_disqualified.person_id is not null
            and (signals.kind = 'advance' or (signals.signal = 'job_changed' and customer_ends.person_id is null))
            then 'muted_while_disqualified'
        when during_customer.is_customer and signals.opens_expansion then 'expansion'
        when during_customer.is_customer then 'is_customer_already'
        when signals.signal = 'requalified' and ended_disqualifications.person_id is null then 'status'
        else 'acquisition'
    end as handling
from signals
left join during_customer
    on
        signals.person_id = during_customer.person_id
        and signals.occurred_at = during_customer.occurred_at
        and signals.signal_phase = during_customer.signal_phase
left join while_disqualified
    on
        signals.person_id = while_disqualified.person_id
        and signals.occurred_at = while_disqualified.occurred_at
left join customer_ends
    on
        signals.person_id = customer_ends.person_id
        and signals.occurred_at = customer_ends.ended_at
        and signals.signal = customer_ends.ended_by_signal
left join ended_disqualifications
    on
        signals.person_id = ended_disqualifications.person_id
        and signals.occurred_at = ended_disqualifications.ended_at
