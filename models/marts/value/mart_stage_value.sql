{%- set segments = {'all': "'all'", 'channel': 'channel', 'region': 'region', 'industry': 'industry'} -%}
with

outcomes as (
    select * from {{ ref('int_funnel__cohort_outcomes') }}
),

steps as (
    select * from {{ ref('funnel_steps') }}
    where step = 'customer'
),

windows as (
    select max(window_days) as window_days
    from {{ ref('conversion_windows') }}
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

statuses as (
    select * from {{ ref('fct_lifecycle_status') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where is_open and person_id is not null
),

amounts as (
    select * from {{ ref('int_finance__opportunity_amounts') }}
),

revenue as (
    select * from {{ ref('int_finance__revenue_segments') }}
),

stages as (
    select * from {{ ref('dim_stage') }}
),

sample_sizes as (
    select * from {{ ref('sample_sizes') }}
    where mart = 'mart_stage_value'
),

reporting as (
    select currency as reporting_currency from {{ ref('reporting_currency') }}
),

as_of_moment as (
    select {{ as_of() }} as looked_at
),

-- who has had the longest window: whoever came later may still win
mature as (
    select
        outcomes.track,
        outcomes.from_stage as stage,
        outcomes.channel,
        outcomes.region,
        outcomes.industry,
        count(*) as mature_count,
        count(case when outcomes.is_reached then 1 end) as won_count
    from outcomes
    inner join steps
        on outcomes.to_stage = steps.stage
    cross join windows
    cross join as_of_moment
    where {{ add_days('outcomes.entered_at', 'windows.window_days') }} <= as_of_moment.looked_at
    group by
        outcomes.track,
        outcomes.from_stage,
        outcomes.channel,
        outcomes.region,
        outcomes.industry
),

disqualified as (
    select distinct person_id
    from statuses
    where status = 'disqualified' and is_open
),

open_deals as (
    select
        opportunities.person_id,
        sum(coalesce(amounts.reporting_amount, 0)) as pipeline_amount
    from opportunities
    inner join amounts
        on opportunities.opportunity_record_id = amounts.opportunity_record_id
    group by opportunities.person_id
),

-- a person stands once per track; the open deals are counted where the acquisition stands
standing as (
    select
        transitions.track,
        transitions.stage,
        transitions.channel,
        transitions.region,
        transitions.industry,
        count(*) as standing_count,
        sum(case transitions.track when 'acquisition' then coalesce(open_deals.pipeline_amount, 0) else 0 end) as pipeline_amount
    from transitions
    left join disqualified
        on transitions.person_id = disqualified.person_id
    left join open_deals
        on transitions.person_id = open_deals.person_id
    where transitions.is_current and disqualified.person_id is null
    group by
        transitions.track,
        transitions.stage,
        transitions.channel,
        transitions.region,
        transitions.industry
),

purchases as (
    select
        track,
        channel,
        region,
        industry,
        count(*) as purchase_count,
        sum(reporting_amount) as revenue_amount
    from revenue
    group by track, channel, region, industry
),

-- everything that a party ever bought, in the segments of its first purchase
parties as (
    select
        party_id,
        max(case track when 'acquisition' then channel end) as channel,
        max(case track when 'acquisition' then region end) as region,
        max(case track when 'acquisition' then industry end) as industry,
        sum(reporting_amount) as lifetime_amount
    from revenue
    group by party_id
),

entries as (
    {%- for segment_type, segment_value in segments.items() %}
        select
            '{{ segment_type }}' as segment_type,
            {{ segment_value }} as segment_value,
            track,
            stage,
            mature_count,
            won_count,
            0 as standing_count,
            cast(0 as decimal(18, 2)) as pipeline_amount
        from mature
        union all
        select
            '{{ segment_type }}' as segment_type,
            {{ segment_value }} as segment_value,
            track,
            stage,
            0 as mature_count,
            0 as won_count,
            standing_count,
            pipeline_amount
        from standing
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

counted as (
    select
        segment_type,
        segment_value,
        track,
        stage,
        sum(mature_count) as mature_count,
        sum(won_count) as won_count,
        sum(standing_count) as standing_count,
        sum(pipeline_amount) as pipeline_amount
    from entries
    group by segment_type, segment_value, track, stage
),

bought as (
    {%- for segment_type, segment_value in segments.items() %}
        select
            '{{ segment_type }}' as segment_type,
            {{ segment_value }} as segment_value,
            track,
            sum(purchase_count) as purchase_count,
            sum(revenue_amount) as revenue_amount
        from purchases
        group by {% if segment_type != 'all' %}{{ segment_value }}, {% endif %}track
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

lived as (
    {%- for segment_type, segment_value in segments.items() %}
        select
            '{{ segment_type }}' as segment_type,
            {{ segment_value }} as segment_value,
            count(*) as buyer_count,
            sum(lifetime_amount) as lifetime_amount
        from parties
        {%- if segment_type != 'all' %}
            group by {{ segment_value }}
        {%- endif %}
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

-- a segment with too few purchases takes the mean of all, one with too few mature entries the win rate of all
means as (
    select
        counted.*,
        coalesce(bought.purchase_count, 0) as purchase_count,
        case
            when coalesce(bought.purchase_count, 0) >= sample_sizes.minimum_count or counted.segment_type = 'all'
                then cast(bought.revenue_amount as double) / nullif(bought.purchase_count, 0)
            else cast(bought_by_all.revenue_amount as double) / nullif(bought_by_all.purchase_count, 0)
        end as mean_won_amount,
        coalesce(bought.purchase_count, 0) < sample_sizes.minimum_count and counted.segment_type <> 'all' as is_mean_of_all,
        case
            when counted.mature_count >= sample_sizes.minimum_count or counted.segment_type = 'all'
                then cast(counted.won_count as double) / nullif(counted.mature_count, 0)
            else cast(counted_by_all.won_count as double) / nullif(counted_by_all.mature_count, 0)
        end as rate,
        counted.mature_count < sample_sizes.minimum_count and counted.segment_type <> 'all' as is_rate_of_all,
        counted.mature_count < sample_sizes.minimum_count as is_small_sample,
        lived.buyer_count,
        cast(lived.lifetime_amount as double) / nullif(lived.buyer_count, 0) as lifetime_amount_per_buyer
    from counted
    cross join sample_sizes
    left join counted as counted_by_all
        on
            counted_by_all.segment_type = 'all'
            and counted.track = counted_by_all.track
            and counted.stage = counted_by_all.stage
    left join bought
        on
            counted.segment_type = bought.segment_type
            and counted.segment_value = bought.segment_value
            and counted.track = bought.track
    left join bought as bought_by_all
        on
            bought_by_all.segment_type = 'all'
            and counted.track = bought_by_all.track
    left join lived
        on
            counted.segment_type = lived.segment_type
            and counted.segment_value = lived.segment_value
),

rated as (
    select
        means.*,
        stages.stage_rank,
        case when stages.stage <> steps.stage then means.rate end as win_rate
    from means
    inner join stages
        on means.stage = stages.stage
    cross join steps
)

select
    rated.track,
    rated.stage,
    rated.stage_rank,
    rated.segment_type,
    rated.segment_value,
    reporting.reporting_currency,
    cast(rated.mature_count as bigint) as mature_count,
    cast(rated.won_count as bigint) as won_count,
    rated.win_rate,
    cast(rated.purchase_count as bigint) as purchase_count,
    rated.mean_won_amount,
    rated.win_rate * rated.mean_won_amount as value_amount,
    cast(rated.standing_count as bigint) as standing_count,
    rated.standing_count * rated.win_rate * rated.mean_won_amount as expected_amount,
    cast(rated.pipeline_amount as decimal(18, 2)) as pipeline_amount,
    coalesce(rated.buyer_count, 0) as buyer_count,
    rated.lifetime_amount_per_buyer,
    rated.is_mean_of_all,
    rated.is_rate_of_all,
    rated.is_small_sample
from rated
cross join reporting
