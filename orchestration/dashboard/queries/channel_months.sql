-- Costs and revenue month by month.
select
    month_starts_on,
    sum(cost_amount) as cost_amount,
    sum(revenue_amount) as revenue_amount,
    sum(lead_count) as lead_count,
    sum(customer_count) as customer_count,
    bool_and(coalesce(is_mature, true)) as is_mature
from marts.mart_channel_efficiency
where
    view_type = $view_type
    and side = $side
    and month between $from_month and $to_month
    and ($channel is null or channel = $channel)
group by month_starts_on
order by month_starts_on
