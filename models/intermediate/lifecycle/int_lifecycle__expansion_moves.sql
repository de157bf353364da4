with

judged_signals as (
    select * from {{ ref('int_lifecycle__judged_signals') }}
),

opportunity_periods as (
    select * from {{ ref('int_lifecycle__opportunity_periods') }}
    where person_id is not null
),

customer_periods as (
    select * from {{ ref('int_lifecycle__customer_periods') }}
),

signals as (
    select * from {{ ref('signals') }}
    where signal = 'sales_accepted'
),

stages as (
    select * from {{ ref('stages') }}
),

-- an opportunity that was open when its person became a customer is an expansion from that instant on
carried_over as (
    select
        opportunity_periods.person_id,
        customer_periods.began_at as occurred_at,
        opportunity_periods.is_date_only,
        signals.signal,
        stages.stage_rank as target_rank,
        opportunity_periods.opportunity_record_id as record_id,
        'crm.opportunities' as source_table
    from opportunity_periods
    inner join customer_periods
        on
            opportunity_periods.person_id = customer_periods.person_id
            and opportunity_periods.opened_at <= customer_periods.began_at
            and (opportunity_periods.closed_at is null or opportunity_periods.closed_at > customer_periods.began_at)
    cross join signals
    inner join stages
        on signals.to_stage = stages.stage
),

top_rank as (
    select max(stage_rank) as stage_rank
    from stages
),

steps as (
    select
        person_id,
        occurred_at,
        is_date_only,
        signal,
        case when target_rank = (select top_rank.stage_rank from top_rank) then 'won' else 'opened' end as step,
        target_rank,
        record_id,
        source_table
    from judged_signals
    where handling = 'expansion'

    union all

    select
        person_id,
        occurred_at,
        is_date_only,
        signal,
        'opened' as step,
        target_rank,
        record_id,
        source_table
    from carried_over

    union all

    -- the last open opportunity of a customer was lost; while another one is open the cycle goes on
    select
        person_id,
        occurred_at,
        is_date_only,
        signal,
        'lost' as step,
        0 as target_rank,
        record_id,
        source_table
    from judged_signals
    where handling = 'is_customer_already' and signal = 'opportunity_lost'
),

ordered as (
    select
        *,
        row_number() over (
            partition by person_id
            order by occurred_at asc, case step when 'won' then 0 when 'lost' then 1 else 2 end asc, target_rank desc, record_id asc
        ) as event_number
    from steps
),

with_state as (
    select
        *,
        coalesce(lag(step) over (partition by person_id order by event_number) = 'opened', false) as was_open
    from ordered
),

with_cycle as (
    select
        *,
        cast(sum(case when not was_open and step <> 'lost' then 1 else 0 end) over (
            partition by person_id order by event_number
            rows between unbounded preceding and current row
        ) as integer) as cycle_number
    from with_state
    where step <> 'lost' or was_open
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
    'expansion' as track,
    occurred_at as entered_at,
    is_date_only,
    event_number,
    signal,
    record_id,
    source_table,
    cast(null as varchar) as route,
    case
        when step = 'lost' then 'close'
        when rank_before = 0 then 'new_cycle'
        else 'advance'
    end as move,
    rank_before,
    target_rank as rank_after,
    cycle_number
from with_rank
where step = 'lost' or target_rank > rank_before
