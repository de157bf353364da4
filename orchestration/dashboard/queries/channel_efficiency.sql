-- What each channel cost and brought in the period.
select
    channel,
    any_value(reporting_currency) as reporting_currency,
    sum(cost_amount) as cost_amount,
    sum(lead_count) as lead_count,
    sum(mql_count) as mql_count,
    sum(opportunity_count) as opportunity_count,
    sum(customer_count) as customer_count,
    sum(revenue_amount) as revenue_amount,
    sum(cost_amount) / nullif(sum(lead_count), 0) as cost_per_lead,
    sum(cost_amount) / nullif(sum(mql_count), 0) as cost_per_mql,
    sum(cost_amount) / nullif(sum(customer_count), 0) as cost_per_customer,
    (sum(revenue_amount) - sum(cost_amount)) / nullif(sum(cost_amount), 0) as roi,
    sum(unconverted_cost_count) as unconverted_cost_count
from marts.mart_channel_efficiency
where
    view_type = $view_type
    and side = $side
    and month between $from_month and $to_month
    and ($channel is null or channel = $channel)
group by channel
order by cost_amount desc, revenue_amount desc, channel
