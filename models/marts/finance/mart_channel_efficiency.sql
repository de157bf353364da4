{%- set steps = ['lead', 'mql', 'sql', 'opportunity', 'customer'] -%}
with

costs as (
    select * from {{ ref('int_finance__costs_by_side') }}
),

cycle_steps as (
    select * from {{ ref('int_finance__cycle_steps') }}
),

attribution as (
    select * from {{ ref('mart_attribution') }}
    where target_type = 'revenue' and is_default_model
),

cohort_revenue as (
    select * from {{ ref('int_finance__cohort_revenue') }}
),

windows as (
    select * from {{ ref('conversion_windows') }}
),

reporting as (
    select currency as reporting_currency from {{ ref('reporting_currency') }}
),

views as (
    select 'same_month' as view_type
    union all
    select 'cohort' as view_type
),

spent as (
    select
        views.view_type,
        costs.month,
        costs.side,
        costs.channel,
        coalesce(sum(costs.reporting_amount), 0) as cost_amount,
        count(case when not costs.is_converted then 1 end) as unconverted_cost_count
    from costs
    cross join views
    group by views.view_type, costs.month, costs.side, costs.channel
),

reached as (
    select
        views.view_type,
        case views.view_type when 'cohort' then cycle_steps.cohort_month else cycle_steps.reached_month end as month,
        cycle_steps.side,
        cycle_steps.channel,
        {%- for step in steps %}
            count(case when cycle_steps.step = '{{ step }}' then 1 end) as {{ step }}_count,
        {%- endfor %}
        count(*) as reached_count
    from cycle_steps
    cross join views
    group by
        views.view_type,
        case views.view_type when 'cohort' then cycle_steps.cohort_month else cycle_steps.reached_month end,
        cycle_steps.side,
        cycle_steps.channel
),

won as (
    select
        'same_month' as view_type,
        month,
        case track when 'acquisition' then 'acquisition' else 'retention' end as side,
        channel,
        ended_at as won_at,
        credit_amount as revenue_amount,
        target_id || campaign_id as tie_breaker
    from attribution

    union all

    select
        'cohort' as view_type,
        cohort_month as month,
        side,
        channel,
        won_at,
        reporting_amount as revenue_amount,
        revenue_id as tie_breaker
    from cohort_revenue
),

earned as (
    select
        view_type,
        month,
        side,
        channel,
        sum(revenue_amount) as revenue_amount
    from won
    group by view_type, month, side, channel
),

-- the day by which what a cohort bought had paid what its month cost
running as (
    select
        won.month,
        won.side,
        won.channel,
        won.won_at,
        spent.cost_amount,
        sum(won.revenue_amount) over (
            partition by won.month, won.side, won.channel order by won.won_at, won.tie_breaker
            rows between unbounded preceding and current row
        ) as earned_so_far
    from won
    inner join spent
        on
            won.view_type = spent.view_type
            and won.month = spent.month
            and won.side = spent.side
            and won.channel = spent.channel
    where won.view_type = 'cohort'
),

paid_back as (
    select
        month,
        side,
        channel,
        min(won_at) as paid_back_at
    from running
    where earned_so_far >= cost_amount
    group by month, side, channel
),

cells as (
    select
        view_type,
        month,
        side,
        channel
    from spent
    union
    select
        view_type,
        month,
        side,
        channel
    from reached
    union
    select
        view_type,
        month,
        side,
        channel
    from earned
),

longest_window as (
    select max(window_days) as window_days
    from windows
),

joined as (
    select
        cells.view_type,
        cells.month,
        cast(cells.month || '-01' as date) as month_starts_on,
        cells.side,
        cells.channel,
        reporting.reporting_currency,
        coalesce(spent.cost_amount, 0) as cost_amount,
        coalesce(spent.unconverted_cost_count, 0) as unconverted_cost_count,
        {%- for step in steps %}
            coalesce(reached.{{ step }}_count, 0) as {{ step }}_count,
        {%- endfor %}
        coalesce(earned.revenue_amount, 0) as revenue_amount,
        case when cells.view_type = 'cohort' then paid_back.paid_back_at end as paid_back_at,
        {{ add_days("cast(cells.month || '-01' as timestamp)", '31 + longest_window.window_days') }} as mature_at
    from cells
    cross join reporting
    cross join longest_window
    left join spent
        on
            cells.view_type = spent.view_type
            and cells.month = spent.month
            and cells.side = spent.side
            and cells.channel = spent.channel
    left join reached
        on
            cells.view_type = reached.view_type
            and cells.month = reached.month
            and cells.side = reached.side
            and cells.channel = reached.channel
    left join earned
        on
            cells.view_type = earned.view_type
            and cells.month = earned.month
            and cells.side = earned.side
            and cells.channel = earned.channel
    left join paid_back
        on
            cells.month = paid_back.month
            and cells.side = paid_back.side
            and cells.channel = paid_back.channel
),

as_of_moment as (
    select {{ as_of() }} as looked_at
)

select
    joined.view_type,
    joined.month,
    joined.month_starts_on,
    joined.side,
    joined.channel,
    joined.reporting_currency,
    cast(joined.cost_amount as decimal(18, 2)) as cost_amount,
    joined.unconverted_cost_count,
    {%- for step in steps %}
        joined.{{ step }}_count,
    {%- endfor %}
    cast(joined.revenue_amount as decimal(18, 2)) as revenue_amount,
    {%- for step in steps %}
        cast(joined.cost_amount as double) / nullif(joined.{{ step }}_count, 0) as cost_per_{{ step }},
    {%- endfor %}
    cast(joined.revenue_amount - joined.cost_amount as double) / nullif(cast(joined.cost_amount as double), 0) as roi,
    {{ days_between('cast(joined.month_starts_on as timestamp)', 'joined.paid_back_at') }} as payback_days,
    joined.view_type = 'same_month' or joined.mature_at <= as_of_moment.looked_at as is_mature
from joined
cross join as_of_moment
