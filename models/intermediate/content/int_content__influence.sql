{#-
    Readers against people like them who did not read, by direct standardisation: the others' rate of each group of like people, weighted as
    the readers are spread over the groups. The others' clock starts with their first engagement of the month in that stage, the readers' with
    the first look, so both sides are active people, and whoever has moved before looking is in neither. Nothing is joined person by person:
    the others are everybody of the group less those of them who read.
-#}
with

exposures as (
    select * from {{ ref('int_content__exposures') }}
),

cells as (
    select * from {{ ref('int_content__cells') }}
),

windows as (
    select window_days from {{ ref('content_windows') }}
),

matching as (
    select count(*) > 0 as is_by_month
    from {{ ref('content_matching') }}
    where field = 'month' and is_matched
),

judged_cells as (
    select
        cells.transition_id,
        cells.month,
        cells.stage,
        cells.stratum,
        cells.moved_up_at,
        windows.window_days,
        case when matching.is_by_month then cells.month else 'all' end as matched_month,
        case when {{ add_days('cells.first_engaged_at', 'windows.window_days') }} <= {{ as_of() }} then 1 else 0 end as is_judged,
        case
            when
                {{ add_days('cells.first_engaged_at', 'windows.window_days') }} <= {{ as_of() }}
                and cells.moved_up_at <= {{ add_days('cells.first_engaged_at', 'windows.window_days') }} then 1
            else 0
        end as is_moved
    from cells
    cross join windows
    cross join matching
),

everybody as (
    select
        stage,
        stratum,
        matched_month,
        window_days,
        sum(is_judged) as judged_count,
        sum(is_moved) as moved_count
    from judged_cells
    group by stage, stratum, matched_month, window_days
),

looked as (
    select
        exposures.item_type,
        exposures.item_id,
        judged_cells.stage,
        judged_cells.stratum,
        judged_cells.matched_month,
        judged_cells.window_days,
        judged_cells.is_judged as is_cell_judged,
        judged_cells.is_moved as is_cell_moved,
        case when {{ add_days('exposures.first_viewed_at', 'judged_cells.window_days') }} <= {{ as_of() }} then 1 else 0 end as is_judged,
        case
            when
                {{ add_days('exposures.first_viewed_at', 'judged_cells.window_days') }} <= {{ as_of() }}
                and judged_cells.moved_up_at <= {{ add_days('exposures.first_viewed_at', 'judged_cells.window_days') }} then 1
            else 0
        end as is_moved
    from exposures
    inner join judged_cells
        on
            exposures.transition_id = judged_cells.transition_id
            and exposures.month = judged_cells.month
),

readers as (
    select
        item_type,
        item_id,
        stage,
        stratum,
        matched_month,
        window_days,
        count(*) as exposure_count,
        sum(is_judged) as judged_count,
        sum(is_moved) as moved_count,
        sum(is_cell_judged) as cell_judged_count,
        sum(is_cell_moved) as cell_moved_count
    from looked
    group by item_type, item_id, stage, stratum, matched_month, window_days
),

compared as (
    select
        readers.item_type,
        readers.item_id,
        readers.stage,
        readers.window_days,
        readers.exposure_count,
        readers.judged_count,
        readers.moved_count,
        everybody.judged_count - readers.cell_judged_count as base_count,
        everybody.moved_count - readers.cell_moved_count as base_moved_count
    from readers
    inner join everybody
        on
            readers.stage = everybody.stage
            and readers.stratum = everybody.stratum
            and readers.matched_month = everybody.matched_month
            and readers.window_days = everybody.window_days
),

levels as (
    select
        compared.*,
        compared.stage as from_stage
    from compared
    union all
    select
        compared.*,
        '(all)' as from_stage
    from compared
)

select
    item_type,
    item_id,
    from_stage,
    window_days,
    cast(sum(exposure_count) as bigint) as exposure_count,
    cast(sum(judged_count) as bigint) as judged_count,
    cast(sum(moved_count) as bigint) as moved_count,
    cast(coalesce(sum(case when base_count > 0 then judged_count end), 0) as bigint) as matched_count,
    cast(coalesce(sum(case when base_count > 0 then moved_count end), 0) as bigint) as matched_moved_count,
    cast(coalesce(sum(case when judged_count > 0 then base_count end), 0) as bigint) as base_count,
    cast({{ exact_sum('judged_count * cast(base_moved_count as double) / nullif(base_count, 0)') }} as double) as expected_count,
    -- how many people of one group the others are worth, spread as the readers are
    cast({{ exact_sum('judged_count * cast(judged_count as double) / nullif(base_count, 0)') }} as double) as spread
from levels
group by item_type, item_id, from_stage, window_days
