{%- set steps = ['lead', 'mql', 'sql', 'opportunity', 'customer'] -%}
with

campaigns as (
    select * from {{ ref('dim_campaign') }}
),

costs as (
    select * from {{ ref('int_finance__costs_by_side') }}
),

cycle_steps as (
    select * from {{ ref('int_finance__cycle_steps') }}
),

attribution as (
    select * from {{ ref('mart_attribution') }}
    where is_default_model and target_type in ('revenue', 'pipeline')
),

spent as (
    select
        campaign_id,
        sum(reporting_amount) as cost_amount,
        sum(case side when 'acquisition' then reporting_amount end) as acquisition_cost_amount,
        sum(case side when 'retention' then reporting_amount end) as retention_cost_amount,
        count(case when not is_converted then 1 end) as unconverted_cost_count,
        min(cost_on) as first_cost_on,
        max(cost_on) as last_cost_on
    from costs
    group by campaign_id
),

reached as (
    select
        campaign_id,
        {%- for step in steps %}
            count(case when step = '{{ step }}' then 1 end) as {{ step }}_count,
        {%- endfor %}
        count(*) as reached_count
    from cycle_steps
    where side = 'acquisition'
    group by campaign_id
),

earned as (
    select
        campaign_id,
        sum(case target_type when 'pipeline' then credit_amount end) as pipeline_amount,
        sum(case target_type when 'revenue' then credit_amount end) as revenue_amount,
        sum(case when target_type = 'revenue' and track = 'acquisition' then credit_amount end) as acquisition_revenue_amount,
        count(distinct case target_type when 'revenue' then target_id end) as influenced_purchase_count
    from attribution
    group by campaign_id
),

running as (
    select
        attribution.campaign_id,
        attribution.ended_at,
        spent.cost_amount,
        sum(attribution.credit_amount) over (
            partition by attribution.campaign_id order by attribution.ended_at, attribution.target_id, attribution.channel
            rows between unbounded preceding and current row
        ) as earned_so_far
    from attribution
    inner join spent
        on attribution.campaign_id = spent.campaign_id
    where attribution.target_type = 'revenue'
),

paid_back as (
    select
        campaign_id,
        min(ended_at) as paid_back_at
    from running
    where earned_so_far >= cost_amount
    group by campaign_id
),

-- what no touch explains is a row too, so that the sum is all that was won
all_campaigns as (
    select
        campaign_id,
        campaign_name,
        programme_id,
        programme_name,
        channel,
        reporting_currency,
        budget_reporting_amount
    from campaigns
    union all
    select
        '(none)' as campaign_id,
        '(none)' as campaign_name,
        '(none)' as programme_id,
        '(none)' as programme_name,
        '(none)' as channel,
        max(reporting_currency) as reporting_currency,
        cast(null as decimal(18, 2)) as budget_reporting_amount
    from campaigns
)

select
    all_campaigns.campaign_id,
    all_campaigns.campaign_name,
    all_campaigns.programme_id,
    all_campaigns.programme_name,
    all_campaigns.channel,
    all_campaigns.reporting_currency,
    all_campaigns.budget_reporting_amount as budget_amount,
    cast(coalesce(spent.cost_amount, 0) as decimal(18, 2)) as cost_amount,
    cast(coalesce(spent.acquisition_cost_amount, 0) as decimal(18, 2)) as acquisition_cost_amount,
    cast(coalesce(spent.retention_cost_amount, 0) as decimal(18, 2)) as retention_cost_amount,
    coalesce(spent.unconverted_cost_count, 0) as unconverted_cost_count,
    {%- for step in steps %}
        coalesce(reached.{{ step }}_count, 0) as {{ step }}_count,
    {%- endfor %}
    coalesce(earned.influenced_purchase_count, 0) as influenced_purchase_count,
    cast(coalesce(earned.pipeline_amount, 0) as decimal(18, 2)) as pipeline_amount,
    cast(coalesce(earned.revenue_amount, 0) as decimal(18, 2)) as revenue_amount,
    cast(coalesce(earned.acquisition_revenue_amount, 0) as decimal(18, 2)) as acquisition_revenue_amount,
    {%- for step in steps %}
        cast(coalesce(spent.acquisition_cost_amount, 0) as double) / nullif(reached.{{ step }}_count, 0) as cost_per_{{ step }},
    {%- endfor %}
    cast(coalesce(earned.revenue_amount, 0) - spent.cost_amount as double) / nullif(cast(spent.cost_amount as double), 0) as roi,
    cast(spent.cost_amount as double) / nullif(cast(all_campaigns.budget_reporting_amount as double), 0) as share_of_budget,
    {{ days_between('cast(spent.first_cost_on as timestamp)', 'paid_back.paid_back_at') }} as payback_days,
    spent.first_cost_on,
    spent.last_cost_on
from all_campaigns
left join spent
    on all_campaigns.campaign_id = spent.campaign_id
left join reached
    on all_campaigns.campaign_id = reached.campaign_id
left join earned
    on all_campaigns.campaign_id = earned.campaign_id
left join paid_back
    on all_campaigns.campaign_id = paid_back.campaign_id
