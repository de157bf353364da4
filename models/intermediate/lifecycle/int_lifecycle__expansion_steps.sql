with

judged_signals as (
    select * from {{ ref('int_lifecycle__judged_signals') }}
),

opportunity_stints as (
    select * from {{ ref('int_lifecycle__opportunity_stints') }}
    where person_id is not null
),

customer_periods as (
    select * from {{ ref('int_lifecycle__customer_periods') }}
),

signals as (
    select * from {{ ref('signals') }}
),

stages as (
    select * from {{ ref('stages') }}
),

top_rank as (
    select max(stage_rank) as stage_rank
    from stages
),

-- the lowest stage at which an expansion opens: what returns somebody below it ends the expansion
first_rank as (
    select min(stages.stage_rank) as stage_rank
    from signals
    inner join stages
        on signals.to_stage = stages.stage
    where signals.opens_expansion
),

expansions as (
    select
        judged_signals.*,
        judged_signals.target_rank = top_rank.stage_rank as is_purchase
    from judged_signals
    cross join top_rank
    where judged_signals.handling = 'expansion'
),

-- every instant at which somebody buys: what was open then goes on from there as an expansion of its own
purchases as (
    select
        person_id,
        began_at as bought_at,
        began_at
    from customer_periods

    union

    select
        expansions.person_id,
        expansions.occurred_at as bought_at,
        customer_periods.began_at
    from expansions
    inner join customer_periods
        on
            expansions.person_id = customer_periods.person_id
            and expansions.occurred_at >= customer_periods.began_at
            and (customer_periods.ended_at is null or expansions.occurred_at < customer_periods.ended_at)
    where expansions.is_purchase
),

open_then as (
    select
        opportunity_stints.person_id,
        purchases.bought_at as occurred_at,
        opportunity_stints.is_opening_date_only as is_date_only,
        opportunity_stints.opportunity_record_id as record_id
    from opportunity_stints
    inner join purchases
        on
            opportunity_stints.person_id = purchases.person_id
            and opportunity_stints.opened_at <= purchases.bought_at
            and (opportunity_stints.closed_at is null or opportunity_stints.closed_at > purchases.bought_at)
),

-- the stage that the deal itself had reached by then
reached as (
    select
        open_then.person_id,
        open_then.occurred_at,
        open_then.record_id,
        max(judged_signals.target_rank) as target_rank
    from open_then
    cross join top_rank
    inner join judged_signals
        on
            open_then.person_id = judged_signals.person_id
            and open_then.record_id = judged_signals.record_id
            and open_then.occurred_at >= judged_signals.occurred_at
    where judged_signals.kind = 'advance' and judged_signals.target_rank < top_rank.stage_rank
    group by
        open_then.person_id,
        open_then.occurred_at,
        open_then.record_id
),

carried_over as (
    select distinct
        open_then.person_id,
        open_then.occurred_at,
        open_then.is_date_only,
        signals.signal,
        coalesce(reached.target_rank, stages.stage_rank) as target_rank,
        open_then.record_id
    from open_then
    cross join signals
    inner join stages
        on signals.to_stage = stages.stage and signals.signal = 'sales_accepted'
    left join reached
        on
            open_then.person_id = reached.person_id
            and open_then.occurred_at = reached.occurred_at
            and open_then.record_id = reached.record_id
),

steps as (
    select
        person_id,
        occurred_at,
        is_date_only,
        signal,
        case when is_purchase then 'won' else 'opened' end as step,
        target_rank,
        record_id,
        source_table,
        false as is_carried_over
    from expansions

    union all

    select
        person_id,
        occurred_at,
        is_date_only,
        signal,
        'opened' as step,
        target_rank,
        record_id,
        'crm.opportunities' as source_table,
        true as is_carried_over
    from carried_over

    union all

    -- a customer's hand-raise is rejected, or the last open opportunity is lost; while one is open the cycle goes on
    select
        judged_signals.person_id,
        judged_signals.occurred_at,
        judged_signals.is_date_only,
        judged_signals.signal,
        'lost' as step,
        0 as target_rank,
        judged_signals.record_id,
        judged_signals.source_table,
        false as is_carried_over
    from judged_signals
    cross join first_rank
    where
        judged_signals.handling = 'is_customer_already'
        and judged_signals.kind = 'return'
        and judged_signals.target_rank < first_rank.stage_rank

    union all

    -- what would open nothing lifts an expansion that is open: the SDR accepts a customer's hand-raise
    select
        person_id,
        occurred_at,
        is_date_only,
        signal,
        'lifted' as step,
        target_rank,
        record_id,
        source_table,
        false as is_carried_over
    from judged_signals
    where handling = 'is_customer_already' and kind = 'advance'

    union all

    -- whoever churns or changes the employer leaves open expansions behind
    select
        person_id,
        ended_at as occurred_at,
        false as is_date_only,
        ended_by_signal as signal,
        'ended' as step,
        0 as target_rank,
        ended_by_record_id as record_id,
        cast(null as varchar) as source_table,
        false as is_carried_over
    from customer_periods
    where ended_at is not null
),

ordered as (
    select
        *,
        row_number() over (
            partition by person_id
            order by
                occurred_at asc,
                case step when 'won' then 0 when 'lost' then 1 when 'ended' then 2 when 'opened' then 3 else 4 end asc,
                target_rank desc,
                record_id asc,
                signal asc
        ) as event_number
    from steps
),

with_state as (
    select
        *,
        coalesce(
            last_value(case when step <> 'lifted' then step end ignore nulls) over (
                partition by person_id order by event_number
                rows between unbounded preceding and 1 preceding
            ) = 'opened',
            false
        ) as was_open
    from ordered
),

with_cycle as (
    select
        *,
        cast(sum(case when not was_open and step in ('won', 'opened') then 1 else 0 end) over (
            partition by person_id order by event_number
            rows between unbounded preceding and current row
        ) as integer) as cycle_number
    from with_state
    where step in ('won', 'opened') or was_open
),

with_rank as (
    select
        *,
        coalesce(max(target_rank) over (
            partition by person_id, cycle_number order by event_number
            rows between unbounded preceding and 1 preceding
        ), 0) as rank_before
    from with_cycle
)

select
    person_id,
    occurred_at,
    is_date_only,
    event_number,
    signal,
    record_id,
    source_table,
    is_carried_over,
    case
        when step in ('lost', 'ended') then 'close'
        when target_rank <= rank_before then 'join'
        when rank_before = 0 then 'new_cycle'
        else 'advance'
    end as move,
    rank_before,
    target_rank,
    cycle_number
from with_rank
where step <> 'lifted' or target_rank > rank_before
