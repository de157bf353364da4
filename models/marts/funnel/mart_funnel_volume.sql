with

movements as (
    select * from {{ ref('int_funnel__monthly_movements') }}
),

statuses as (
    select * from {{ ref('int_funnel__monthly_statuses') }}
),

months as (
    select * from {{ ref('dim_date') }}
    where is_month_start and is_elapsed
),

stages as (
    select * from {{ ref('dim_stage') }}
),

cells as (
    select
        cell_id,
        track,
        stage,
        channel,
        campaign_id,
        region,
        industry,
        min(month) as first_month
    from movements
    group by cell_id, track, stage, channel, campaign_id, region, industry
),

-- dense in time from the cell's first month on, sparse in cells
counted as (
    select
        cells.cell_id,
        cells.track,
        cells.stage,
        cells.channel,
        cells.campaign_id,
        cells.region,
        cells.industry,
        months.month,
        months.month_starts_on,
        months.is_complete_month,
        coalesce(movements.entered_count, 0) as entered_count,
        coalesce(movements.reentered_count, 0) as reentered_count,
        coalesce(movements.passed_count, 0) as passed_count,
        coalesce(movements.exited_count, 0) as exited_count,
        coalesce(movements.returned_count, 0) as returned_count,
        coalesce(statuses.parked_count, 0) as parked_count,
        coalesce(statuses.dormant_count, 0) as dormant_count,
        coalesce(statuses.woken_count, 0) as woken_count
    from cells
    inner join months
        on cells.first_month <= months.month
    left join movements
        on cells.cell_id = movements.cell_id and months.month = movements.month
    left join statuses
        on cells.cell_id = statuses.cell_id and months.month = statuses.month
),

stocked as (
    select
        cell_id,
        month,
        cast(
            sum(entered_count - exited_count) over (
                partition by cell_id order by month rows between unbounded preceding and current row
            ) as bigint
        ) as closing_count,
        lag(dormant_count, 1, 0) over (partition by cell_id order by month) as dormant_before_count
    from counted
)

select
    counted.month,
    counted.month_starts_on,
    counted.track,
    counted.stage,
    stages.stage_rank,
    counted.channel,
    counted.campaign_id,
    counted.region,
    counted.industry,
    stocked.closing_count - counted.entered_count + counted.exited_count as opening_count,
    counted.entered_count,
    counted.reentered_count,
    counted.passed_count,
    counted.exited_count,
    counted.returned_count,
    stocked.closing_count,
    counted.parked_count,
    counted.dormant_count,
    stocked.dormant_before_count,
    counted.woken_count,
    counted.is_complete_month
from counted
inner join stocked
    on counted.cell_id = stocked.cell_id and counted.month = stocked.month
inner join stages
    on counted.stage = stages.stage
