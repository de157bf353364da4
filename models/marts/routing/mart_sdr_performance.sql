{%- set segments = {
    'all': "'all'", 'route': 'route', 'team': 'assign_to', 'region': 'region', 'response_time': 'response_bucket',
    'rejection_reason': 'rejection_reason',
} -%}

with

assignments as (
    select * from {{ ref('fct_assignment') }}
    where state not in ('in_pool', 'left_pool')
),

won_deals as (
    select distinct assignment_id
    from {{ ref('int_routing__won_deals') }}
    where assignment_id is not null and opportunity_record_id is not null
),

buckets as (
    select
        bucket,
        min_hours,
        lead(min_hours) over (order by min_hours) as next_min_hours
    from {{ ref('response_buckets') }}
),

confidence_levels as (
    select * from {{ ref('confidence_levels') }}
    where level = 'default'
),

sample_sizes as (
    select * from {{ ref('sample_sizes') }}
    where mart = 'mart_sdr_performance'
),

period_types as (
    select 'month' as period_type
    union all
    select 'all' as period_type
),

owner_types as (
    select 'owner' as owner_type
    union all
    select 'all' as owner_type
),

cases as (
    select
        assignments.assignment_id,
        assignments.assigned_month,
        coalesce(assignments.handled_by, assignments.owner_id, 'nobody') as owner_id,
        assignments.route,
        assignments.assign_to,
        assignments.region,
        coalesce(buckets.bucket, 'unanswered') as response_bucket,
        case when assignments.state = 'rejected' then coalesce(assignments.decision_reason, 'not given') end as rejection_reason,
        assignments.response_hours,
        assignments.first_touched_at is not null as is_touched,
        assignments.answered_at is not null as is_answered,
        assignments.is_sla_breached,
        assignments.state = 'accepted' as is_accepted,
        assignments.state = 'rejected' as is_rejected,
        won_deals.assignment_id is not null as is_won
    from assignments
    left join buckets
        on
            assignments.response_hours >= buckets.min_hours
            and (buckets.next_min_hours is null or assignments.response_hours < buckets.next_min_hours)
    left join won_deals
        on assignments.assignment_id = won_deals.assignment_id
),

segmented as (
    {%- for segment_type, segment_value in segments.items() %}
        select
            cases.*,
            '{{ segment_type }}' as segment_type,
            {{ segment_value }} as segment_value
        from cases
        {%- if segment_type == 'rejection_reason' %}
            where rejection_reason is not null
        {%- endif %}
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

grouped as (
    select
        period_types.period_type,
        case period_types.period_type when 'month' then segmented.assigned_month else 'all' end as period,
        owner_types.owner_type,
        case owner_types.owner_type when 'owner' then segmented.owner_id else 'all' end as owner_id,
        segmented.segment_type,
        segmented.segment_value,
        count(*) as assigned_count,
        count(case when segmented.is_touched then 1 end) as touched_count,
        count(case when segmented.is_answered then 1 end) as answered_count,
        count(case when not segmented.is_sla_breached then 1 end) as sla_met_count,
        count(segmented.is_sla_breached) as sla_judged_count,
        count(case when segmented.is_accepted then 1 end) as accepted_count,
        count(case when segmented.is_rejected then 1 end) as rejected_count,
        count(case when segmented.is_accepted or segmented.is_rejected then 1 end) as decided_count,
        count(case when segmented.is_won then 1 end) as won_count,
        round({{ exact_mean('segmented.response_hours') }}, 6) as mean_response_hours,
        round(median(segmented.response_hours), 6) as median_response_hours,
        round({{ percentile('segmented.response_hours', 0.9) }}, 6) as p90_response_hours
    from segmented
    cross join period_types
    cross join owner_types
    group by
        period_types.period_type,
        case period_types.period_type when 'month' then segmented.assigned_month else 'all' end,
        owner_types.owner_type,
        case owner_types.owner_type when 'owner' then segmented.owner_id else 'all' end,
        segmented.segment_type,
        segmented.segment_value
)

select
    grouped.period_type,
    grouped.period,
    grouped.owner_type,
    grouped.owner_id,
    grouped.segment_type,
    grouped.segment_value,
    grouped.assigned_count,
    grouped.touched_count,
    grouped.answered_count,
    grouped.sla_judged_count,
    grouped.sla_met_count,
    cast(grouped.sla_met_count as double) / nullif(grouped.sla_judged_count, 0) as sla_met_share,
    grouped.mean_response_hours,
    grouped.median_response_hours,
    grouped.p90_response_hours,
    grouped.decided_count,
    grouped.accepted_count,
    grouped.rejected_count,
    cast(grouped.accepted_count as double) / nullif(grouped.decided_count, 0) as accept_rate,
    {{ wilson_bound('grouped.accepted_count', 'grouped.decided_count', 'confidence_levels.z', -1) }} as accept_rate_low,
    {{ wilson_bound('grouped.accepted_count', 'grouped.decided_count', 'confidence_levels.z', 1) }} as accept_rate_high,
    grouped.won_count,
    cast(grouped.won_count as double) / grouped.assigned_count as win_rate,
    {{ wilson_bound('grouped.won_count', 'grouped.assigned_count', 'confidence_levels.z', -1) }} as win_rate_low,
    {{ wilson_bound('grouped.won_count', 'grouped.assigned_count', 'confidence_levels.z', 1) }} as win_rate_high,
    grouped.assigned_count < sample_sizes.minimum_count as is_small_sample
from grouped
cross join confidence_levels
cross join sample_sizes
