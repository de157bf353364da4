with

exposures as (
    select * from {{ ref('int_content__exposures') }}
),

influence as (
    select * from {{ ref('int_content__influence') }}
),

contents as (
    select * from {{ ref('dim_content') }}
),

stages as (
    select * from {{ ref('stages') }}
),

windows as (
    select window_days from {{ ref('content_windows') }}
),

confidence_levels as (
    select * from {{ ref('confidence_levels') }}
    where level = 'default'
),

sample_sizes as (
    select * from {{ ref('sample_sizes') }}
    where mart = 'mart_content_performance'
),

-- what nobody looked at is there as well
items as (
    select
        'content' as item_type,
        content_id as item_id
    from contents
    union
    select
        'content_type' as item_type,
        content_type as item_id
    from contents
    union
    select
        'journey_stage' as item_type,
        journey_stage as item_id
    from contents
),

levels as (
    select
        exposures.*,
        exposures.stage as from_stage
    from exposures
    where exposures.stage in (select stages.stage from stages)
    union all
    select
        exposures.*,
        '(all)' as from_stage
    from exposures
),

viewed as (
    select
        item_type,
        item_id,
        from_stage,
        sum(view_count) as view_count,
        sum(known_view_count) as known_view_count,
        sum(measured_view_count) as measured_view_count,
        count(distinct person_id) as person_count,
        sum(dwell_seconds) as dwell_seconds
    from levels
    group by item_type, item_id, from_stage
),

spine as (
    select
        item_type,
        item_id,
        '(all)' as from_stage
    from items
    union
    select
        item_type,
        item_id,
        from_stage
    from viewed
),

compared as (
    select
        influence.*,
        cast(influence.matched_moved_count as double) / nullif(influence.matched_count, 0) as matched_rate,
        case when influence.matched_count > 0 then influence.expected_count / influence.matched_count end as base_rate,
        influence.matched_count * (influence.matched_count / nullif(influence.spread, 0)) as base_worth
    from influence
),

bounded as (
    select
        compared.*,
        {{ wilson_bound('compared.matched_moved_count', 'compared.matched_count', 'confidence_levels.z', -1) }} as matched_rate_low,
        {{ wilson_bound('compared.matched_moved_count', 'compared.matched_count', 'confidence_levels.z', 1) }} as matched_rate_high,
        {{ wilson_bound('(compared.base_rate * compared.base_worth)', 'compared.base_worth', 'confidence_levels.z', -1) }} as base_rate_low,
        {{ wilson_bound('(compared.base_rate * compared.base_worth)', 'compared.base_worth', 'confidence_levels.z', 1) }} as base_rate_high
    from compared
    cross join confidence_levels
)

select
    spine.item_type,
    spine.item_id,
    contents.title,
    contents.content_type,
    contents.journey_stage,
    spine.from_stage,
    cast(coalesce(stages.stage_rank, 0) as integer) as from_stage_rank,
    windows.window_days,
    cast(coalesce(viewed.view_count, 0) as bigint) as view_count,
    cast(coalesce(viewed.known_view_count, 0) as bigint) as known_view_count,
    cast(coalesce(viewed.person_count, 0) as bigint) as person_count,
    cast(coalesce(viewed.measured_view_count, 0) as bigint) as measured_view_count,
    cast(coalesce(viewed.dwell_seconds, 0) as double) / 60 as dwell_minutes,
    cast(viewed.dwell_seconds as double) / nullif(viewed.measured_view_count, 0) as mean_dwell_seconds,
    coalesce(bounded.exposure_count, 0) as exposure_count,
    coalesce(bounded.judged_count, 0) as judged_count,
    coalesce(bounded.moved_count, 0) as moved_count,
    cast(bounded.moved_count as double) / nullif(bounded.judged_count, 0) as moved_rate,
    coalesce(bounded.matched_count, 0) as matched_count,
    coalesce(bounded.matched_moved_count, 0) as matched_moved_count,
    bounded.matched_rate,
    coalesce(bounded.base_count, 0) as base_count,
    round(bounded.base_rate, 9) as base_rate,
    round(bounded.matched_rate - bounded.base_rate, 9) as influence,
    round(
        bounded.matched_rate - bounded.base_rate - sqrt(
            (bounded.matched_rate - bounded.matched_rate_low) * (bounded.matched_rate - bounded.matched_rate_low)
            + (bounded.base_rate_high - bounded.base_rate) * (bounded.base_rate_high - bounded.base_rate)
        ), 9
    ) as influence_low,
    round(
        bounded.matched_rate - bounded.base_rate + sqrt(
            (bounded.matched_rate_high - bounded.matched_rate) * (bounded.matched_rate_high - bounded.matched_rate)
            + (bounded.base_rate - bounded.base_rate_low) * (bounded.base_rate - bounded.base_rate_low)
        ), 9
    ) as influence_high,
    coalesce(
        bounded.matched_count < sample_sizes.minimum_count or coalesce(bounded.base_worth, 0) < sample_sizes.minimum_count, true
    ) as is_small_sample
from spine
cross join windows
cross join sample_sizes
left join contents
    on
        spine.item_type = 'content'
        and spine.item_id = contents.content_id
left join stages
    on spine.from_stage = stages.stage
left join viewed
    on
        spine.item_type = viewed.item_type
        and spine.item_id = viewed.item_id
        and spine.from_stage = viewed.from_stage
left join bounded
    on
        spine.item_type = bounded.item_type
        and spine.item_id = bounded.item_id
        and spine.from_stage = bounded.from_stage
        and windows.window_days = bounded.window_days
