with

opportunity_periods as (
    select * from {{ ref('int_lifecycle__opportunity_periods') }}
),

reopenings as (
    select * from {{ ref('int_lifecycle__opportunity_reopenings') }}
    where not is_correction
),

interruptions as (
    select
        opportunity_periods.opportunity_record_id,
        reopenings.*,
        row_number() over (
            partition by opportunity_periods.opportunity_record_id order by reopenings.lost_at
        ) as interruption_number
    from reopenings
    inner join opportunity_periods
        on
            reopenings.source_system = opportunity_periods.source_system
            and reopenings.opportunity_id = opportunity_periods.opportunity_id
            and reopenings.lost_at >= opportunity_periods.opened_at
),

last_interruptions as (
    select *
    from interruptions
    qualify row_number() over (partition by opportunity_record_id order by interruption_number desc) = 1
),

interrupted as (
    select
        opportunity_record_id,
        interruption_number as stint_number,
        lag(reopened_at) over run as reopened_at,
        lag(reopened_record_id) over run as opening_record_id,
        lag(reopened_source_table) over run as opening_source_table,
        lag(is_reopened_date_only) over run as is_opening_date_only,
        lost_at as closed_at,
        lost_record_id as closing_record_id,
        lost_source_table as closing_source_table,
        is_lost_date_only as is_closing_date_only,
        false as is_won
    from interruptions
    window run as (partition by opportunity_record_id order by interruption_number)
),

final_stints as (
    select
        opportunity_periods.opportunity_record_id,
        coalesce(last_interruptions.interruption_number, 0) + 1 as stint_number,
        last_interruptions.reopened_at,
        last_interruptions.reopened_record_id as opening_record_id,
        last_interruptions.reopened_source_table as opening_source_table,
        last_interruptions.is_reopened_date_only as is_opening_date_only,
        case
            when last_interruptions.reopened_at is null or opportunity_periods.closed_at >= last_interruptions.reopened_at
                then opportunity_periods.closed_at
        end as closed_at,
        cast(null as varchar) as closing_record_id,
        cast(null as varchar) as closing_source_table,
        cast(null as boolean) as is_closing_date_only,
        opportunity_periods.is_won
    from opportunity_periods
    left join last_interruptions
        on opportunity_periods.opportunity_record_id = last_interruptions.opportunity_record_id
),

unioned as (
    select * from interrupted
    union all
    select * from final_stints
)

select
    opportunity_periods.opportunity_record_id,
    cast(unioned.stint_number as integer) as stint_number,
    opportunity_periods.source_system,
    opportunity_periods.opportunity_id,
    opportunity_periods.crm_account_id,
    opportunity_periods.contact_id,
    opportunity_periods.person_id,
    coalesce(unioned.reopened_at, opportunity_periods.opened_at) as opened_at,
    unioned.closed_at,
    case when unioned.closed_at is not null then unioned.is_won end as is_won,
    coalesce(unioned.is_opening_date_only, opportunity_periods.is_date_only) as is_opening_date_only,
    -- a deal has one mark for its creation; its close counts as a date too when it lies at the same time of day
    coalesce(
        unioned.is_closing_date_only,
        opportunity_periods.is_date_only and cast(unioned.closed_at as time) = cast(opportunity_periods.created_at as time),
        false
    ) as is_closing_date_only,
    coalesce(unioned.opening_record_id, opportunity_periods.opportunity_record_id) as opening_record_id,
    coalesce(unioned.opening_source_table, 'crm.opportunities') as opening_source_table,
    coalesce(unioned.closing_record_id, opportunity_periods.opportunity_record_id) as closing_record_id,
    coalesce(unioned.closing_source_table, 'crm.opportunities') as closing_source_table
from unioned
inner join opportunity_periods
    on unioned.opportunity_record_id = opportunity_periods.opportunity_record_id
