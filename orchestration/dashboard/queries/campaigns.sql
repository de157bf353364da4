-- What each campaign cost and brought over the whole time.
select
    campaign_id,
    campaign_name,
    channel,
    cost_amount,
    budget_amount,
    lead_count,
    mql_count,
    customer_count,
    pipeline_amount,
    revenue_amount,
    roi,
    payback_days
from marts.mart_campaign_roi
where
    (cost_amount > 0 or revenue_amount > 0)
    and ($channel is null or channel = $channel)
order by cost_amount desc, revenue_amount desc, campaign_name, campaign_id
limit 50
