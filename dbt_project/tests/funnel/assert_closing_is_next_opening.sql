-- Every cell: opening + entered - exited = closing, the first opening is zero, and a closing is the next month's opening.
-- A row says which of the three is broken in which cell and month; a missing month breaks the third.
with

volume as (
    select * from {{ ref('mart_funnel_volume') }}
),

neighbours as (
    select
        month,
        month_starts_on,
        track,
        stage,
        channel,
        campaign_id,
        region,
        industry,
        opening_count,
        entered_count,
        exited_count,
        closing_count,
        lag(closing_count) over cell_months as previous_closing_count,
        lag(month_starts_on) over cell_months as previous_month_starts_on
    from volume
    window cell_months as (partition by track, stage, channel, campaign_id, region, industry order by month)
),

judged as (
    select
        month,
        track,
        stage,
        channel,
        campaign_id,
        region,
        industry,
        case
            when opening_count + entered_count - exited_count <> closing_count then 'moves do not explain the closing'
            when opening_count < 0 or closing_count < 0 then 'negative stock'
            when opening_count <> coalesce(previous_closing_count, 0) then 'opening is not the closing before'
            when {{ days_between('previous_month_starts_on', 'month_starts_on') }} > 31 then 'a month is missing'
        end as reason
    from neighbours
)

select *
from judged
where reason is not null
