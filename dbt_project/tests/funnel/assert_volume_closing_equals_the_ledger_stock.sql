{{ config(meta={'dagster': {'ref': {'name': 'mart_funnel_volume'}}}) }}
-- The last closing over all cells is the number of ledger entries that are held now, by track and stage.
with

volume as (
    select * from {{ ref('mart_funnel_volume') }}
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

last_month as (
    select max(month) as month from volume
),

closing as (
    select
        volume.track,
        volume.stage,
        sum(volume.closing_count) as closing_count
    from volume
    inner join last_month
        on volume.month = last_month.month
    group by volume.track, volume.stage
),

held as (
    select
        track,
        stage,
        count(*) as held_count
    from transitions
    where is_current
    group by track, stage
)

select
    coalesce(closing.track, held.track) as track,
    coalesce(closing.stage, held.stage) as stage,
    closing.closing_count,
    held.held_count
from closing
full outer join held
    on closing.track = held.track and closing.stage = held.stage
where coalesce(closing.closing_count, 0) <> coalesce(held.held_count, 0)
