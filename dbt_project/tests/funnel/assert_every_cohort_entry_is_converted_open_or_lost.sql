-- Conversion counts fit together: cohort = converted in the cycle + open + lost; a window never converts more than the cycle;
-- no rate before maturity; the segments of one dimension add up to everybody.
with

conversion as (
    select * from {{ ref('mart_funnel_conversion') }}
),

row_level as (
    select
        cohort_month,
        track,
        from_stage,
        to_stage,
        window_days,
        segment_type,
        case
            when cohort_count <> converted_in_cycle_count + open_count + lost_count then 'cohort is not converted + open + lost'
            when converted_count > converted_in_cycle_count then 'a window converts more than the cycle'
            when converted_in_cycle_count > converted_any_cycle_count then 'a cycle converts more than all cycles'
            when is_mature <> (conversion_rate is not null) then 'a rate without maturity, or maturity without a rate'
        end as reason
    from conversion
),

totals as (
    select
        cohort_month,
        track,
        from_stage,
        to_stage,
        window_days,
        segment_type,
        sum(cohort_count) as cohort_count,
        sum(converted_count) as converted_count
    from conversion
    group by cohort_month, track, from_stage, to_stage, window_days, segment_type
),

segment_level as (
    select
        totals.cohort_month,
        totals.track,
        totals.from_stage,
        totals.to_stage,
        totals.window_days,
        totals.segment_type,
        case
            when totals.cohort_count <> everybody.cohort_count or totals.converted_count <> everybody.converted_count
                then 'segments do not add up to everybody'
        end as reason
    from totals
    inner join totals as everybody
        on
            totals.cohort_month = everybody.cohort_month
            and totals.track = everybody.track
            and totals.from_stage = everybody.from_stage
            and totals.to_stage = everybody.to_stage
            and totals.window_days = everybody.window_days
            and everybody.segment_type = 'all'
),

judged as (
    select * from row_level
    union all
    select * from segment_level
)

select *
from judged
where reason is not null
